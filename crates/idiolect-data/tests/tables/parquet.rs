//! Parquet: what it says, and what is wrong with it.

use expect_test::expect;
use idiolect_data::{Columns, Dataset, Format, read_rows};
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::json;

use crate::said;
use crate::written::{write_parquet, write_parquet_as, write_token_rows};

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
