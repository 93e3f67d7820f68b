//! A baseline's answers in every form that they are published in.

mod common;

use std::fs;

use common::{SETTINGS, Teller};
use idiolect_completion::Quiet;
use idiolect_eval::{Baseline, Task, run};
use serde_json::{Value, json};

#[test]
fn baselines_are_read_in_every_form_and_none_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("arena_hard")).unwrap();
    let row = |id: &str| json!({"uid": id, "prompt": format!("ask {id}")}).to_string();
    let questions = ["u", "v"].map(row).join("\n");
    fs::write(
        folder.path().join("arena_hard/question_v0.1.jsonl"),
        questions,
    )
    .unwrap();
    let items = "arena-hard"
        .parse::<Task>()
        .unwrap()
        .read(folder.path(), 0)
        .unwrap();
    let answers = run(
        &items,
        &mut Teller(1),
        SETTINGS,
        &folder.path().join("a.jsonl"),
        &Quiet,
    )
    .unwrap();
    let path = folder.path().join("baseline.jsonl");
    let read = |rows: &[Value]| {
        let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        fs::write(&path, rows.join("\n")).unwrap();
        Baseline::read(&path)?.pairs(&items, &answers)
    };
    let first = json!({"question_id": "u", "choices": [{"turns": [{"content": "one"}]}]});
    for second in [
        json!({"uid": "v", "messages": [{"role": "user", "content": "ask v"}, {"role": "assistant", "content": {"answer": "two"}}]}),
        json!({"instruction": "ask v", "output": "two", "generator": "g"}),
        json!({"id": "v", "text": "two"}),
    ] {
        let pairs = read(&[first.clone(), second]).unwrap();
        let found: Vec<&str> = pairs.iter().map(|pair| pair.baseline.as_str()).collect();
        assert_eq!(found, ["one", "two"]);
        assert_eq!(pairs[1].question, "ask v");
    }
    let error = read(&[first]).unwrap_err().to_string();
    assert!(
        error.contains("baseline.jsonl: no answer to \"v\""),
        "{error}"
    );
    assert!(
        read(&[json!({"uid": "u", "judge": 1})])
            .unwrap_err()
            .to_string()
            .contains("row 1")
    );
}
