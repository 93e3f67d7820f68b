//! CSV and Parquet say the same as the JSON formats, and what is wrong with them is named.
#![allow(
    clippy::unwrap_used,
    clippy::needless_raw_string_hashes,
    reason = "a test's own files; the snapshots are written by a tool"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use expect_test::{Expect, expect};
use idiolect_data::{Columns, Dataset, Format, Layout, read_rows};
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::json;
use tempfile::TempDir;

/// A file of this name and contents, and the folder that it lives in.
fn file(name: &str, contents: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, contents).unwrap();
    (folder, path)
}

/// What is said about a file, its path left out.
fn said(path: &Path, format: Format) -> String {
    let error = Dataset::read(path, format, &Columns::default()).map(drop);
    let text = error.map_or_else(|error| error.to_string(), |()| "no error".to_owned());
    text.replace(&path.display().to_string(), "F") + "\n"
}

fn check_csv(files: &[&[u8]], expect: &Expect) {
    let errors = files.iter().map(|contents| {
        let (_folder, path) = file("rows.csv", contents);
        said(&path, Format::Alpaca)
    });
    expect.assert_eq(&errors.collect::<String>());
}

/// A Parquet file of an alpaca table: an id, and text or bytes in two columns.
fn write_parquet(path: &Path, kind: &str, cells: [&[&[u8]]; 2]) {
    write_parquet_as(path, kind, cells, WriterProperties::default());
}

fn write_parquet_as(path: &Path, kind: &str, cells: [&[&[u8]]; 2], properties: WriterProperties) {
    let schema = format!(
        "message table {{ required int64 id; required binary instruction {kind}; required binary output {kind}; }}"
    );
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let out = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let ids: Vec<i64> = (7..).take(cells[0].len()).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<Int64Type>()
        .write_batch(&ids, None, None)
        .unwrap();
    column.close().unwrap();
    for cells in cells {
        let cells: Vec<ByteArray> = cells.iter().map(|cell| cell.to_vec().into()).collect();
        let mut column = group.next_column().unwrap().unwrap();
        let text = column.typed::<ByteArrayType>();
        text.write_batch(&cells, None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

/// A Parquet file of token rows: two lists of numbers.
fn write_token_rows(path: &Path, rows: &[&[i64]]) {
    let schema = "message table {
        required group input_ids (LIST) { repeated group list { required int64 element; } }
        required group labels (LIST) { repeated group list { required int64 element; } }
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let out = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(out, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let values: Vec<i64> = rows.concat();
    let levels: Vec<i16> = vec![1; values.len()];
    let repeated = |row: &&[i64]| {
        (0..row.len())
            .map(|at| i16::from(at > 0))
            .collect::<Vec<_>>()
    };
    let repeats: Vec<i16> = rows.iter().flat_map(repeated).collect();
    while let Some(mut column) = group.next_column().unwrap() {
        let numbers = column.typed::<Int64Type>();
        numbers
            .write_batch(&values, Some(&levels), Some(&repeats))
            .unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn a_csv_file_says_what_json_says() {
    let text = "\u{feff}id,instruction,output,history,more\r\n\
        a,\"say \"\"hi\"\", then\nstop\",hi,\"[[\"\"q\"\", \"\"r\"\"]]\",1\r\n\
        b,5\" pipe,[1],,\r\n";
    let (_folder, path) = file("rows.csv", text.as_bytes());
    let set = Dataset::read(&path, Format::Alpaca, &Columns::default()).unwrap();
    assert_eq!(set.layout, Layout::Table);
    let lines = [
        json!({"id": "a", "instruction": "say \"hi\", then\nstop", "output": "hi", "history": [["q", "r"]]}),
        json!({"id": "b", "instruction": "5\" pipe", "output": "[1]"}),
    ];
    let (_other, other) = file(
        "rows.jsonl",
        lines.map(|line| line.to_string()).join("\n").as_bytes(),
    );
    let same = Dataset::read(&other, Format::Alpaca, &Columns::default()).unwrap();
    let examples = |set: &Dataset| {
        set.rows
            .iter()
            .map(|row| row.example.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(examples(&set), examples(&same));
    assert_eq!([set.rows[0].line, set.rows[1].line], [2, 4]);
}

#[test]
fn lists_in_a_csv_file_may_have_another_name() {
    let text = "talk\n\"[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"a\"\"}]\"\n";
    let (_folder, path) = file("rows.CSV", text.as_bytes());
    let columns: Columns = "messages=talk".parse().unwrap();
    let set = Dataset::read(&path, Format::Messages, &columns).unwrap();
    assert_eq!(set.rows[0].example.instruction(), "a");
}

#[test]
fn a_csv_file_that_is_wrong_is_refused_with_the_place() {
    check_csv(
        &[
            b"instruction,output\na,b\nc\n",
            b"instruction,output\na,b\nc,\"d\n",
            b"instruction,output\na,b\nc,d\xff\n",
            b"question,output\na,b\n",
            b"instruction,output,instruction\na,b,c\n",
            b"instruction,output,history\na,b,\"[[1\"\n",
            b"instruction,output\n",
            b"",
        ],
        &expect![[r#"
            F: line 3: expected 2 cells, found 1 (cut off?)
            F: line 4: expected a closing quotation mark, found the end of the file (cut off?)
            F: line 3: expected UTF-8 in column output, found a bad byte after 1
            F: row 0 (line 2): instruction: expected a string, found no such field among question, output
            F: line 1: expected names that differ, found "instruction" twice
            F: row 0 (line 2): history: expected an array of pairs, found "[[1"
            F: no rows: expected a JSON array, JSON Lines, CSV or Parquet
            F: no rows: expected a JSON array, JSON Lines, CSV or Parquet
        "#]],
    );
}

#[test]
fn a_parquet_file_says_what_json_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    for kind in ["(UTF8)", ""] {
        write_parquet(&path, kind, [&[b"a", "ü".as_bytes()], &[b"b", b""]]);
        let set = Dataset::read(&path, Format::Alpaca, &Columns::default()).unwrap();
        let row = &set.rows[1];
        assert_eq!((row.line, &row.example.id), (2, &json!(8)));
        assert_eq!(
            (row.example.instruction(), row.example.response()),
            ("ü", Some(""))
        );
    }
}

#[test]
fn every_compression_of_parquet_is_read() {
    let gzip = Compression::GZIP(GzipLevel::default());
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let brotli = Compression::BROTLI(BrotliLevel::default());
    for compression in [
        gzip,
        zstd,
        brotli,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .build();
        write_parquet_as(&path, "(STRING)", [&[b"q"], &[b"a"]], properties);
        let set = Dataset::open(&path).unwrap();
        assert_eq!(set.rows[0].example.response(), Some("a"), "{compression}");
    }
}

#[test]
fn lists_in_a_parquet_file_are_lists() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    write_token_rows(&path, &[&[1, 2, 3], &[4, -100]]);
    let rows = read_rows(&path).unwrap().rows;
    assert_eq!(rows[1].fields["labels"], json!([4, -100]));
    assert_eq!(rows[0].fields["input_ids"], json!([1, 2, 3]));
}

#[test]
fn a_parquet_file_that_is_wrong_is_refused_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let mut errors = String::new();
    write_parquet(&path, "(UTF8)", [&[b"a", b"c"], &[b"b", b"d\xff"]]);
    errors += &said(&path, Format::Alpaca);
    write_parquet(&path, "", [&[b"a", b"c"], &[b"b", b"d\xff"]]);
    errors += &said(&path, Format::Alpaca);
    write_parquet(&path, "(UTF8)", [&[b"a"], &[b"b"]]);
    errors += &said(&path, Format::Text);
    let whole = std::fs::read(&path).unwrap();
    for cut in [whole.len() / 2, whole.len() - 3, 2] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        errors += &said(&path, Format::Alpaca);
    }
    write_token_rows(&path, &[&[1]]);
    let columns: Columns = "instruction=labels".parse().unwrap();
    let error = Dataset::read(&path, Format::Alpaca, &columns).unwrap_err();
    errors += &error.to_string().replace(&path.display().to_string(), "F");
    expect![[r#"
        F: row 1, column output: not readable as Parquet: Parquet error: Error reading BYTE_ARRAY as String.
        F: row 1, column output: not readable as Parquet: bytes that are no text
        F: row 0 (line 1): text: expected a string, found no such field among id, instruction, output (the rows look like alpaca, which --format auto finds)
        F: row 0, column any: not readable as Parquet: Parquet error: Invalid Parquet file. Corrupt footer
        F: row 0, column any: not readable as Parquet: Parquet error: Invalid Parquet file. Corrupt footer
        F: row 0, column any: not readable as Parquet: EOF: Parquet file too small. Size is 2 but need 8
        F: row 0 (line 1): labels: expected a string, found an array of 1"#]].assert_eq(&errors);
}

/// Calls this test of this program again with another limit in the environment; none where it was called so.
fn again(test: &str, limit: (&str, &str)) -> Option<String> {
    std::env::var_os(limit.0).is_none().then(|| {
        let mut own = std::process::Command::new(std::env::current_exe().unwrap());
        let called = own
            .args(["--exact", test, "--nocapture"])
            .env(limit.0, limit.1)
            .output();
        String::from_utf8_lossy(&called.unwrap().stdout).into_owned()
    })
}

#[test]
fn a_parquet_file_above_its_limits_is_refused_before_it_is_unpacked() {
    let name = "a_parquet_file_above_its_limits_is_refused_before_it_is_unpacked";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    write_parquet(&path, "(STRING)", [&[b"a", b"b"], &[b"c", b"d"]]);
    let limits = [
        (
            "IDIOLECT_LIMIT_TABLE_VALUES",
            "5",
            "at most 5 values of a Parquet file, found 6",
        ),
        (
            "IDIOLECT_LIMIT_TABLE_BYTES",
            "20",
            "at most 20 unpacked bytes of a Parquet file",
        ),
        (
            "IDIOLECT_LIMIT_COLUMNS",
            "2",
            "at most 2 columns of a table, found 3",
        ),
        (
            "IDIOLECT_LIMIT_ROW_BYTES",
            "8",
            "row 0, column any: not readable as Parquet: expected at most 8 bytes",
        ),
        (
            "IDIOLECT_LIMIT_ROW_BYTES",
            "some",
            "IDIOLECT_LIMIT_ROW_BYTES: expected a whole number from 1, found some",
        ),
    ];
    if limits
        .iter()
        .any(|limit| std::env::var_os(limit.0).is_some())
    {
        println!("said {}", said(&path, Format::Alpaca));
        return;
    }
    for (variable, value, expected) in limits {
        let said = again(name, (variable, value)).unwrap();
        assert!(said.contains(expected), "{variable}: {said}");
    }
    assert_eq!(said(&path, Format::Alpaca), "no error\n");
}

#[test]
fn a_damaged_parquet_file_is_refused_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    write_parquet(
        &path,
        "(STRING)",
        [&[b"some text", b"b"], &[b"c", b"more text"]],
    );
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        for bits in [0xff, 0x01] {
            let mut other = whole.clone();
            other[at] ^= bits;
            std::fs::write(&path, &other).unwrap();
            // Some bytes are text, which may change.
            drop(read_rows(&path));
        }
    }
}
