//! CSV: what it says, and what is wrong with it.

use expect_test::{Expect, expect};
use idiolect_data::{Columns, Dataset, Format, Layout};
use serde_json::json;

use crate::{file, said};

fn check_csv(files: &[&[u8]], expect: &Expect) {
    let errors = files.iter().map(|contents| {
        let (_folder, path) = file("rows.csv", contents);
        said(&path, Format::Alpaca)
    });
    expect.assert_eq(&errors.collect::<String>());
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
