//! `metrics` of answers: the recorded scores, and what is refused.

use serde_json::{Value, json};

use crate::close;
use crate::common::{self, Place, done, refused};

/// The path of a recorded oracle, and its rows.
fn oracle(name: &str) -> (String, Vec<Value>) {
    let shared = idiolect_testkit::shared().expect("the place was there");
    let path = shared.join("data/oracles").join(name);
    let text = common::read(&path);
    let rows = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    (path.display().to_string(), rows.collect())
}

/// Scores a recorded file, and returns the written rows and the printed means.
fn metrics(place: &Place, kind: &str, input: &str) -> (Vec<Value>, Value) {
    let out = place.path("scores.jsonl");
    let means = done(&["metrics", kind, "--in", input, "--out", &out]);
    assert_eq!(means.lines().count(), 1, "{means}");
    let rows = place.lines("scores.jsonl");
    (rows, serde_json::from_str(&means).expect("JSON"))
}

#[test]
fn metrics_give_the_recorded_scores() {
    let Some(place) = Place::new() else { return };
    let pairs = [
        ("safety", "safety.jsonl", "safe", "safe"),
        ("math", "math.jsonl", "correct", "correct"),
        ("code", "magicoder.jsonl", "correct", "ok"),
        ("pass-at-k", "pass_at_k.jsonl", "pass_at_k", "pass_at_k"),
        ("choice", "multiple_choice_scoring.jsonl", "acc", "acc"),
    ];
    for (kind, file, ours, theirs) in pairs {
        let (path, expected) = oracle(file);
        let (found, means) = metrics(&place, kind, &path);
        assert_eq!(
            (found.len(), &means["rows"]),
            (expected.len(), &json!(expected.len()))
        );
        for (i, (found, row)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found["id"], *row.get("id").unwrap_or(&json!(i)));
            // A row that the reference fails on has no verdict.
            if row[theirs].is_number() {
                close(&found[ours], &row[theirs], 1e-12, kind);
            } else if row[theirs].is_boolean() {
                assert_eq!(found[ours], row[theirs], "{kind} {}", row["id"]);
            }
        }
    }
}

#[test]
fn metrics_of_text_and_calls_give_the_recorded_scores() {
    let Some(place) = Place::new() else { return };
    let (path, expected) = oracle("text_pairs.jsonl");
    let (found, means) = metrics(&place, "text", &path);
    let mut sum = 0.0;
    for (found, row) in found.iter().zip(&expected) {
        close(&found["bleu4"], &row["bleu4_char_m3"], 1e-12, "bleu4");
        close(
            &found["sacrebleu"],
            &row["sacrebleu_13a"],
            1e-9,
            "sacrebleu",
        );
        sum += found["bleu4"].as_f64().unwrap();
    }
    close(
        &means["bleu4"],
        &json!(sum / expected.len() as f64),
        1e-12,
        "mean",
    );
    let (_, rows) = oracle("openfunction.jsonl");
    let usable: Vec<Value> = rows
        .into_iter()
        .filter(|row| row["error_main"].is_null())
        .collect();
    let (found, _) = metrics(&place, "call", &place.rows("calls.jsonl", &usable));
    for (found, row) in found.iter().zip(&usable) {
        assert_eq!(found["correct"], row["check_main"], "{}", row["id"]);
        close(&found["score"], &row["check_reproduce"], 0.0, "score");
    }
}

#[test]
fn metrics_of_instructions_give_the_recorded_shares() {
    let Some(place) = Place::new() else { return };
    let (_, checks) = oracle("ifeval_checks.jsonl");
    let prompts = idiolect_testkit::shared()
        .unwrap()
        .join("data/ifeval/input_data.jsonl");
    let prompts: Vec<Value> = common::read(&prompts)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let join = |check: &Value| {
        let prompt = prompts.iter().find(|prompt| prompt["key"] == check["key"]);
        let mut row = prompt.unwrap().clone();
        row["response"] = check["response"].clone();
        row
    };
    let rows: Vec<Value> = checks[..100].iter().map(join).collect();
    let (found, means) = metrics(&place, "ifeval", &place.rows("rows.jsonl", &rows));
    let agree = found
        .iter()
        .zip(&checks)
        .filter(|(a, b)| a["strict"] == b["strict"])
        .count();
    assert!(98 <= agree, "{agree} of 100");
    assert!(means["instruction_loose"].as_f64() >= means["instruction_strict"].as_f64());
}

#[test]
fn wrong_rows_of_metrics_are_named() {
    let Some(place) = Place::new() else { return };
    let rows = place.rows(
        "rows.jsonl",
        &[
            json!({"label": "f(a=1)", "predict": "f(a=1)"}),
            json!({"label": "no call", "predict": "f()"}),
        ],
    );
    refused(
        &["metrics", "call", "--in", &rows],
        &["rows.jsonl", "row 1", "line 2", "label"],
    );
    refused(
        &["metrics", "text", "--in", &rows],
        &["row 0", "reference", "nothing"],
    );
    refused(&["metrics", "text"], &["--in"]);
    refused(
        &["metrics", "nonsense", "--in", &rows],
        &["nonsense", "pass-at-k"],
    );
    let rows = place.rows("passes.jsonl", &[json!({"n": 3, "c": 4, "k": 1})]);
    refused(
        &["metrics", "pass-at-k", "--in", &rows],
        &["row 0", "c: expected at most n", "4"],
    );
}
