//! Files of rows that are no data set: prompts, rows to score, token rows.

use std::path::{Path, PathBuf};

use idiolect_lm::{RowAdapter, rows};
use serde_json::json;

fn write(place: &Path, name: &str, lines: &[serde_json::Value]) -> PathBuf {
    let path = place.join(name);
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

#[test]
fn rows_of_files_are_read() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, lines: &[serde_json::Value]| write(place.path(), name, lines);
    let prompts = write(
        "prompts.jsonl",
        &[
            json!({"id": "a", "prompt": "x"}),
            json!({"messages": [{"role": "user", "content": "y"}]}),
            json!({"input_ids": [5, 6]}),
        ],
    );
    let found = rows::read_prompts(&prompts).unwrap();
    assert_eq!(found[0].id, "a");
    assert_eq!(found[1].prompt, idiolect_lm::ModelPrompt::user("y"));
    assert_eq!(
        found[2].prompt,
        idiolect_lm::ModelPrompt::Tokens(vec![5, 6])
    );
    let tokens = write(
        "tokens.jsonl",
        &[json!({"input_ids": [5, 6], "labels": [-100, 6]})],
    );
    assert_eq!(rows::read_tokens(&tokens).unwrap()[0].labels, [-100, 6]);
    assert!(matches!(
        rows::read_scores(&tokens).unwrap()[0],
        idiolect_lm::ScoreRow::Tokens(_)
    ));
}

#[test]
fn a_row_names_its_adapter() {
    let place = tempfile::tempdir().unwrap();
    let adapter = place.path().join("adapter");
    std::fs::create_dir(&adapter).unwrap();
    std::fs::write(adapter.join("adapter_config.json"), "{}").unwrap();
    let read = |adapter: serde_json::Value| {
        let row = json!({"prompt": "x", "adapter": adapter});
        let path = write(
            place.path(),
            "prompts.jsonl",
            &[json!({"prompt": "y"}), row],
        );
        rows::read_prompts(&path)
    };
    let found = read(json!(adapter)).unwrap();
    assert_eq!(found[0].adapter, RowAdapter::Given);
    assert_eq!(found[1].adapter, RowAdapter::Folder(adapter));
    assert_eq!(read(json!(null)).unwrap()[1].adapter, RowAdapter::Base);
    for wrong in [json!(3), json!("")] {
        let error = read(wrong.clone()).unwrap_err().to_string();
        assert!(
            error.contains("row 1 (line 2): adapter: expected the folder"),
            "{error}"
        );
        assert!(error.ends_with(&format!("found {wrong}")), "{error}");
    }
    let error = read(json!(place.path().join("missing"))).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("row 1 (line 2): adapter "), "{error}");
    assert!(error.ends_with("found no such folder"), "{error}");
}

#[test]
fn rows_to_score_are_pairs_or_of_a_data_set() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, lines: &[serde_json::Value]| write(place.path(), name, lines);
    let pairs = write("pairs.jsonl", &[json!({"prompt": "x", "response": "y"})]);
    let idiolect_lm::ScoreRow::Example(turns) = &rows::read_scores(&pairs).unwrap()[0] else {
        panic!("a conversation");
    };
    assert_eq!(turns.messages.len(), 2);
    let set = write(
        "set.jsonl",
        &[json!({"instruction": "x", "input": "", "output": "y"})],
    );
    let found = rows::read_scores(&set).unwrap();
    let idiolect_lm::ScoreRow::Example(of_set) = &found[0] else {
        panic!("a conversation");
    };
    assert_eq!(of_set.messages, turns.messages);
}

#[test]
fn wrong_rows_of_files_are_named() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, lines: &[serde_json::Value]| write(place.path(), name, lines);
    let wrong = write(
        "wrong.jsonl",
        &[json!({"prompt": "x"}), json!({"id": [1], "prompt": "x"})],
    );
    let error = rows::read_prompts(&wrong).unwrap_err().to_string();
    assert!(
        error.contains("wrong.jsonl: row 1 (line 2): id: expected a string or a number"),
        "{error}"
    );
    let empty = write("empty.jsonl", &[json!({"text": "x"})]);
    let error = rows::read_prompts(&empty).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "row 0 (line 1): expected prompt, messages or input_ids, found none of them"
        ),
        "{error}"
    );
    let pairs = write("pairs.jsonl", &[json!({"prompt": "x", "response": "y"})]);
    let error = rows::read_tokens(&pairs).unwrap_err().to_string();
    assert!(error.contains("expected input_ids and labels"), "{error}");
}
