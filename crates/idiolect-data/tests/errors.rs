//! Every way in which a file can be wrong, and what is said about it.
#![allow(
    clippy::unwrap_used,
    clippy::needless_raw_string_hashes,
    reason = "a test's own files; the snapshots are written by a tool"
)]

use std::path::Path;

use expect_test::{Expect, expect};
use idiolect_data::{Columns, DataError, Dataset, Format, read_rows};

/// What is said about each of the files, a line each.
fn check<T>(
    files: &[impl AsRef<[u8]>],
    read: impl Fn(&Path) -> Result<T, DataError>,
    expect: &Expect,
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.json");
    let errors = files.iter().map(|contents| {
        std::fs::write(&path, contents).unwrap();
        let error = read(&path)
            .err()
            .map_or("no error".to_owned(), |error| error.to_string());
        error.replace(&path.display().to_string(), "F") + "\n"
    });
    expect.assert_eq(&errors.collect::<String>());
}

/// The rows stand on the second line of their files.
fn check_rows(format: Format, rows: &[&str], expect: &Expect) {
    let files: Vec<_> = rows.iter().map(|row| format!("\n{row}")).collect();
    check(
        &files,
        |path| Dataset::read(path, format, &Columns::default()),
        expect,
    );
}

#[test]
fn files_that_are_not_there_or_hold_nothing() {
    let error = read_rows("nowhere/rows.json".as_ref())
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "nowhere/rows.json: expected a file of rows (JSON, JSON Lines, CSV or Parquet), found no such file, nor a \
         folder nowhere"
    );
    let error = read_rows("some-owner/a-set".as_ref()).unwrap_err();
    let expected = "(the files of a data set on the Hub are downloaded first, with hf download some-owner/a-set ";
    assert!(error.to_string().contains(expected), "{error}");
    let error = read_rows("https://some.where/rows.json".as_ref()).unwrap_err();
    assert!(error.to_string().contains("found an address"), "{error}");
    check(
        &["", "\u{feff} \n\n", "[ ]\n"],
        read_rows,
        &expect![[r#"
        F: no rows: expected a JSON array, JSON Lines, CSV or Parquet
        F: no rows: expected a JSON array, JSON Lines, CSV or Parquet
        F: no rows: expected a JSON array, JSON Lines, CSV or Parquet
    "#]],
    );
}

#[test]
fn text_that_is_not_json() {
    let files = [
        "{\"a\":1}\n\n{\"a\":tru}\n",
        "\n \n  {\"a\":1}x\n",
        "{\"a\":1}\n{\"a\":",
        "{\n  \"a\": 1\n}\n",
        "{\"a\":1}\n7\n",
        "instruction,output\n",
    ];
    check(
        &files,
        read_rows,
        &expect![[r#"
            F: line 3, column 9: not valid JSON: expected ident
            F: line 3, column 10: not valid JSON: trailing characters
            F: line 2, column 5: not valid JSON: EOF while parsing a value (cut off, or over several lines outside an array?)
            F: line 1, column 1: not valid JSON: EOF while parsing an object (cut off, or over several lines outside an array?)
            F: line 2, column 1: row 1: expected a JSON object, found the number 7
            F: line 1, column 1: not valid JSON: expected value
        "#]],
    );
}

#[test]
fn arrays_cut_off_or_run_on() {
    let files = [
        "[\n  {\"a\": 1},\n  {\"a\": \"x",
        "[{\"a\": 1},\n",
        "[{\"a\": 1}\n",
        "[{\"a\": 1},]",
        "[{\"a\": 1}\n {\"a\": 2}]",
        "[{\"a\": 1}]\n]",
        "[{\"a\": 1}, {\"b\": \n 1e}]",
        "[{\"a\": 1},\n\"text\"]",
    ];
    check(
        &files,
        read_rows,
        &expect![[r#"
        F: line 3, column 10: not valid JSON: EOF while parsing a string (cut off, or over several lines outside an array?)
        F: line 2, column 1: expected `{`, found the end of the file (cut off?)
        F: line 2, column 1: expected `,` or `]`, found the end of the file (cut off?)
        F: line 1, column 11: not valid JSON: expected value
        F: line 2, column 2: expected `,` or `]`, found '{'
        F: line 2, column 1: text after the end of the array
        F: line 2, column 4: not valid JSON: invalid number
        F: line 2, column 1: row 1: expected a JSON object, found "text"
    "#]],
    );
}

#[test]
fn bytes_that_are_not_text() {
    let files: [&[u8]; 3] = [
        b"{\"a\":1}\n{\"a\":\"\xff\"}\n",
        b"[{\"a\":1},\n{\"a\":\"\xc3\"}]",
        b"\xff\xfe{\0}\0",
    ];
    check(
        &files,
        read_rows,
        &expect![[r#"
        F: line 2: invalid UTF-8 at byte 7
        F: line 2: invalid UTF-8 at byte 7
        F: line 1: invalid UTF-8 at byte 1
    "#]],
    );
}

#[test]
fn alpaca_rows() {
    let rows = [
        r#"{"question":"q","answer":"a"}"#,
        "{}",
        r#"{"instruction":null}"#,
        r#"{"instruction":"q","output":["a"]}"#,
        r#"{"instruction":"q","history":[["a"]]}"#,
        r#"{"instruction":"q","history":"none"}"#,
        r#"{"instruction":"q","id":[1]}"#,
    ];
    check_rows(
        Format::Alpaca,
        &rows,
        &expect![[r#"
        F: row 0 (line 2): instruction: expected a string, found no such field among question, answer
        F: row 0 (line 2): instruction: expected a string, found no fields
        F: row 0 (line 2): instruction: expected a string, found null
        F: row 0 (line 2): output: expected a string, found an array of 1
        F: row 0 (line 2): history[0]: expected a pair of strings, found an array of 1
        F: row 0 (line 2): history: expected an array of pairs, found "none"
        F: row 0 (line 2): id: expected a string or a number, found an array of 1
    "#]],
    );
}

#[test]
fn turns_out_of_order() {
    let (human, system) = (
        r#"{"from":"human","value":"q"}"#,
        r#"{"from":"system","value":"s"}"#,
    );
    let turns = |turns: &str| format!(r#"{{"conversations":[{turns}]}}"#);
    let rows = [
        turns(r#"{"from":"gpt","value":"a"}"#),
        turns(&format!("{human},{human}")),
        turns(&format!("{human},{system}")),
        turns(system),
        turns(""),
        format!(r#"{{"system":"s","conversations":[{system},{human}]}}"#),
    ];
    check_rows(
        Format::Sharegpt,
        &rows.each_ref().map(String::as_str),
        &expect![[r#"
            no error
            no error
            no error
            F: row 0 (line 2): conversations: expected a turn of user, found a system message alone
            F: row 0 (line 2): conversations: expected an array of turns, found an array of 0
            F: row 0 (line 2): conversations[0]: expected one system message, system has one already, found another one
        "#]],
    );
}

#[test]
fn turns_of_another_kind() {
    let rows = [
        r#"{"conversations":[{"from":"robot","value":"q"}]}"#,
        r#"{"conversations":[{"role":"user","content":"q"}]}"#,
        r#"{"conversations":[{"from":"human","text":"q"}]}"#,
        r#"{"conversations":[{"from":"human","value":7}]}"#,
        r#"{"conversations":["q"]}"#,
    ];
    check_rows(
        Format::Sharegpt,
        &rows,
        &expect![[r#"
            F: row 0 (line 2): conversations[0].from: expected a role out of system, human, gpt, tool, found "robot"
            F: row 0 (line 2): conversations[0].from: expected a role out of system, human, gpt, tool, found no such field among role, content (the rows look like messages, which --format auto finds)
            F: row 0 (line 2): conversations[0].value: expected a string, found no such field among from, text
            F: row 0 (line 2): conversations[0].value: expected a string, found the number 7
            F: row 0 (line 2): conversations[0].from: expected a role out of system, human, gpt, tool, found "q"
        "#]],
    );
    let rows = [rows[0], r#"{"messages":[{"role":"tool","content":"q"}]}"#];
    check_rows(
        Format::Messages,
        &rows,
        &expect![[r#"
            F: row 0 (line 2): messages: expected an array of turns, found no such field among conversations (the rows look like sharegpt, which --format auto finds)
            no error
        "#]],
    );
}

#[test]
fn formats_without_messages() {
    check_rows(
        Format::Text,
        &[r#"{"content":"x"}"#],
        &expect![[r#"
        F: row 0 (line 2): text: expected a string, found no such field among content
    "#]],
    );
}

#[test]
fn rows_without_a_response() {
    let read = |format| {
        move |path: &Path| Dataset::read(path, format, &Columns::default())?.require_responses()
    };
    let good = r#"{"instruction":"q","output":""}"#;
    let rows = [
        format!("{good}\n{{\"instruction\":\"q\"}}"),
        good.to_owned(),
    ];
    check(
        &rows,
        read(Format::Alpaca),
        &expect![[r#"
        F: row 1 (line 2): output: expected a response, found none among instruction
        no error
    "#]],
    );
    let rows = [r#"{"conversations":[{"from":"human","value":"q"}]}"#];
    check(
        &rows,
        read(Format::Sharegpt),
        &expect![[r#"
        F: row 0 (line 1): conversations: expected a last turn of gpt, found none
    "#]],
    );
}

#[test]
fn rows_with_the_same_id() {
    let read =
        |path: &Path| Dataset::read(path, Format::Text, &Columns::default())?.require_unique_ids();
    let rows = [
        "{\"text\":\"\",\"id\":1}\n{\"text\":\"\"}",
        r#"[{"text":"","id":1}]"#,
    ];
    check(
        &rows,
        read,
        &expect![[r#"
        F: rows 0 and 1 have the same id 1
        no error
    "#]],
    );
}
