//! Formats that are found by their fields, and rows that are not of them.

use idiolect_data::{BadRows, DataSettings, Dataset, Format};
use serde_json::json;

use crate::{messages, refusal, rows};

#[test]
fn formats_are_found_by_the_fields_of_rows_and_of_turns() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (
            json!({"messages": [{"from": "human", "value": "q"}]}),
            "sharegpt",
        ),
        (
            json!({"conversations": [{"role": "user", "content": "q"}]}),
            "messages",
        ),
        (
            json!({"conversations": [{"from": "human", "value": "q"}]}),
            "sharegpt",
        ),
        (
            json!({"prompt": "q", "completion": "a"}),
            "prompt-completion",
        ),
        (json!({"prompt": "q", "response": "a"}), "prompt-completion"),
        (
            json!({"instruction": "q", "output": "a", "text": "t"}),
            "alpaca",
        ),
        (json!({"text": "t"}), "text"),
    ];
    let mut files = Vec::new();
    for (at, (row, name)) in cases.iter().enumerate() {
        let path = folder.path().join(format!("{at}.jsonl"));
        std::fs::write(&path, row.to_string()).unwrap();
        let set = Dataset::open(&path).unwrap();
        assert_eq!(
            (set.format.name.as_str(), set.rows.len()),
            (*name, 1),
            "{row}"
        );
        files.push(path);
    }
    let several = DataSettings {
        data: files,
        // Most of these rows have no answer, which is no matter of their format.
        bad_rows: BadRows::Skip,
        ..DataSettings::default()
    };
    assert_eq!(several.read_all(1).unwrap().len(), cases.len());
}

#[test]
fn a_wrong_format_says_which_one_rows_look_like() {
    let error = refusal(
        Format::Alpaca,
        &messages(&json!([{"role": "user", "content": "q"}])),
    );
    assert!(error.ends_with("found no such field among messages (the rows look like messages, which --format auto finds)"), "{error}");
}

#[test]
fn bad_rows_are_left_out_and_listed() {
    let good = json!({"id": "a", "messages": [{"role": "user", "content": "q"}]});
    let bad = json!({"id": "b", "messages": [{"role": "user", "content": 7}]});
    let raw = rows(&[good.clone(), bad.clone(), good]);
    let set = Dataset::from_rows_with(raw, Format::Messages, BadRows::Skip).unwrap();
    assert_eq!(set.rows.len(), 2);
    let [skipped] = set.skipped.as_slice() else {
        panic!("{:?}", set.skipped)
    };
    assert_eq!((skipped.id.clone(), skipped.line), (json!("b"), Some(2)));
    assert_eq!(
        skipped.problem,
        "messages[0].content: expected a string, found the number 7"
    );
    let none = Dataset::from_rows_with(rows(&[bad.clone(), bad]), Format::Messages, BadRows::Skip);
    assert!(
        none.unwrap_err().to_string().contains("row 0 (line 1)"),
        "a set without a row is an error"
    );
}

#[test]
fn what_python_writes_and_json_lacks_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let said = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Dataset::open(&path).unwrap_err().to_string()
    };
    let half = "half of a surrogate pair (\\ud800 to \\udfff alone), which is no character";
    for (name, text, expected) in [
        ("a.jsonl", "{\"text\":\"ok \\ud83d done\"}", half),
        ("b.jsonl", "{\"text\":\"ok \\ud83d\\u0041 done\"}", half),
        (
            "c.jsonl",
            "{\"instruction\":\"a\",\"input\":NaN,\"output\":\"b\"}",
            "NaN, which JSON does not have (Python writes it)",
        ),
        (
            "d.json",
            "[{\"text\":\"a\"},\n {\"text\": -Infinity}]",
            "-Infinity, which JSON does not have (Python writes it)",
        ),
        (
            "e.jsonl",
            "{\"text\":\"a\"}\n{\"text\": Infinity}",
            "Infinity, which JSON does not have (Python writes it)",
        ),
    ] {
        let error = said(name, text);
        assert!(error.ends_with(expected), "{error}");
    }
}
