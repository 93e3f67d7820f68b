//! Prompts and continuations equal to those that lm-evaluation-harness builds.
//!
//! The recorded requests stand beside the repository (`shared/data`); without them the tests say so
//! and pass, or fail where `IDIOLECT_REQUIRE_SHARED` is set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use std::fs;
use std::path::Path;

use common::data;
use idiolect_completion::LikelihoodRequest;
use idiolect_eval::{Gold, Item, ItemRequest, Task};
use serde_json::Value;

/// The recorded requests of the tasks that begin with `task`.
fn requests(data: &Path, task: &str) -> Vec<Value> {
    let text = fs::read_to_string(data.join("oracles/mc_requests.jsonl")).unwrap();
    let rows = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rows: Vec<Value> = rows
        .filter(|row| row["task"].as_str().unwrap().starts_with(task))
        .collect();
    assert!(!rows.is_empty(), "{task}");
    rows
}

/// The items that a task reads from the documents of the recorded requests.
fn items(task: &str, rows: &[Value], file: &str) -> Vec<Item> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("mc")).unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row["doc"].to_string()).collect();
    fs::write(folder.path().join(file), lines.join("\n")).unwrap();
    let task = Task::by_name(task).unwrap();
    task.read(folder.path(), 0).unwrap()
}

fn pairs(item: &Item) -> &[LikelihoodRequest] {
    match &item.request {
        ItemRequest::Choose(pairs) => pairs,
        ItemRequest::Generate(_) => panic!("{}: no choices", item.id),
    }
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

/// Compares a question with one context for all choices.
fn check(item: &Item, context: &Value, row: &Value) {
    for pair in pairs(item) {
        assert_eq!(context, &pair.context);
    }
    let texts: Vec<&str> = pairs(item).iter().map(|pair| &*pair.text).collect();
    assert_eq!(texts, strings(&row["continuations"]));
    let Gold::Choice { texts, right } = &item.gold else {
        panic!("{:?}", item.gold);
    };
    assert_eq!(texts, &strings(&row["choices"]));
    assert_eq!(row["gold"], *right);
}

#[test]
fn arc_and_hellaswag() {
    let Some(data) = data() else { return };
    for (name, file) in [
        ("arc_challenge", "mc/ARC-Challenge-Test.jsonl"),
        ("hellaswag", "mc/hellaswag_val.jsonl"),
    ] {
        let rows = requests(&data, name);
        for (item, row) in items(name, &rows, file).iter().zip(&rows) {
            check(item, &row["context"], row);
        }
    }
}

#[test]
fn winogrande() {
    let Some(data) = data() else { return };
    let rows = requests(&data, "winogrande");
    let items = items("winogrande", &rows, "mc/winogrande_dev_converted.jsonl");
    for (item, row) in items.iter().zip(&rows) {
        let contexts: Vec<&str> = pairs(item).iter().map(|pair| &*pair.context).collect();
        assert_eq!(contexts, strings(&row["contexts"]));
        assert!(
            pairs(item)
                .iter()
                .all(|pair| row["continuation"] == pair.text)
        );
        let Gold::Choice { texts, right } = &item.gold else {
            panic!("{:?}", item.gold);
        };
        assert_eq!((texts.len(), &row["gold"]), (2, &Value::from(*right)));
    }
}

#[test]
fn mmlu_without_and_with_worked_examples() {
    let Some(data) = data() else { return };
    for (shots, field) in [(0, "context_0shot"), (5, "context_5shot")] {
        let items = Task::by_name("mmlu").unwrap().read(&data, shots).unwrap();
        assert_eq!(items.len(), 14_042);
        for row in requests(&data, "mmlu") {
            let same = |item: &&Item| row[field] == pairs(item)[0].context;
            check(
                items.iter().find(same).expect("the context"),
                &row[field],
                &row,
            );
        }
    }
}

#[test]
fn truthfulqa() {
    let Some(data) = data() else { return };
    let [one, several] = ["truthfulqa_mc1", "truthfulqa_mc2"]
        .map(|task| Task::by_name(task).unwrap().read(&data, 0).unwrap());
    assert_eq!((one.len(), several.len()), (817, 817));
    for row in requests(&data, "truthfulqa") {
        for (items, field) in [(&one, "mc1_choices"), (&several, "mc2_choices")] {
            let same = |item: &&Item| row["context"] == pairs(item)[0].context;
            let item = items.iter().find(same).expect("the context");
            let texts: Vec<&str> = pairs(item)
                .iter()
                .map(|pair| pair.text.trim_start())
                .collect();
            assert_eq!(texts, strings(&row[field]));
            if let Gold::True(marks) = &item.gold {
                let marks: Vec<usize> = marks.iter().map(|&mark| mark.into()).collect();
                assert_eq!(row["mc2_labels"], Value::from(marks));
            }
        }
    }
}

#[test]
fn every_task_at_hand_can_be_read() {
    let Some(data) = data() else { return };
    for (name, count) in [
        ("gsm8k", 1319),
        ("gsm8k_chat", 1319),
        ("multiarith", 180),
        ("openfunction", 112),
        ("advbench_raw", 520),
        ("advbench_jailbreak", 520),
        ("alpaca_eval", 805),
        ("ifeval", 541),
        ("arc_challenge", 1150),
        ("winogrande", 1267),
    ] {
        let task: Task = name.parse().unwrap();
        assert_eq!(task.read(&data, 0).unwrap().len(), count, "{name}");
    }
}
