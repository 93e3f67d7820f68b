//! Scores of rows against those that were recorded from the reference programs, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests end them, and say what is skipped"
)]

mod common;

use std::fs;
use std::path::Path;

use common::data;
use idiolect_eval::{
    EvalError, RowScores, ScoreKind, read_scored_rows, row_scores, score_means, with_ids,
};
use serde_json::{Value, json};

fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The scores of a file's rows with their ids, and the means.
fn scores(kind: &str, path: &Path) -> Result<(Vec<RowScores>, Value), EvalError> {
    let rows = read_scored_rows(path)?;
    let scores = row_scores(kind.parse()?, &rows)?;
    Ok((with_ids(&rows, &scores), score_means(&scores)))
}

fn close(found: &Value, expected: &Value, bound: f64, what: &str) {
    let [found, expected] = [found, expected].map(|value| value.as_f64().expect(what));
    assert!(
        (found - expected).abs() <= bound,
        "{what}: {found} {expected}"
    );
}

#[test]
fn scores_are_the_recorded_ones() {
    let Some(data) = data() else { return };
    let pairs = [
        ("safety", "safety.jsonl", "safe", "safe"),
        ("math", "math.jsonl", "correct", "correct"),
        ("code", "magicoder.jsonl", "correct", "ok"),
        ("pass-at-k", "pass_at_k.jsonl", "pass_at_k", "pass_at_k"),
        ("choice", "multiple_choice_scoring.jsonl", "acc", "acc"),
    ];
    for (kind, file, ours, theirs) in pairs {
        let path = data.join("oracles").join(file);
        let expected = rows(&path);
        let (found, means) = scores(kind, &path).unwrap();
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
fn scores_of_text_and_calls_are_the_recorded_ones() {
    let Some(data) = data() else { return };
    let path = data.join("oracles/text_pairs.jsonl");
    let expected = rows(&path);
    let (found, means) = scores("text", &path).unwrap();
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
    let usable: Vec<Value> = rows(&data.join("oracles/openfunction.jsonl"))
        .into_iter()
        .filter(|row| row["error_main"].is_null())
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let (found, _) = scores("call", &written(folder.path(), &usable)).unwrap();
    for (found, row) in found.iter().zip(&usable) {
        assert_eq!(found["correct"], row["check_main"], "{}", row["id"]);
        close(&found["score"], &row["check_reproduce"], 0.0, "score");
    }
}

#[test]
fn scores_of_instructions_are_the_recorded_shares() {
    let Some(data) = data() else { return };
    let checks = rows(&data.join("oracles/ifeval_checks.jsonl"));
    let prompts = rows(&data.join("ifeval/input_data.jsonl"));
    let join = |check: &Value| {
        let prompt = prompts.iter().find(|prompt| prompt["key"] == check["key"]);
        let mut row = prompt.unwrap().clone();
        row["response"] = check["response"].clone();
        row
    };
    let joined: Vec<Value> = checks[..100].iter().map(join).collect();
    let folder = tempfile::tempdir().unwrap();
    let (found, means) = scores("ifeval", &written(folder.path(), &joined)).unwrap();
    let pairs = found.iter().zip(&checks);
    let agree = pairs.filter(|(a, b)| a["strict"] == b["strict"]).count();
    assert!(98 <= agree, "{agree} of 100");
    assert!(means["instruction_loose"].as_f64() >= means["instruction_strict"].as_f64());
}

fn written(folder: &Path, rows: &[Value]) -> std::path::PathBuf {
    let path = folder.join("rows.jsonl");
    let text: Vec<String> = rows.iter().map(Value::to_string).collect();
    fs::write(&path, text.join("\n")).unwrap();
    path
}

#[test]
fn wrong_rows_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |kind: &str, rows: &[Value], parts: &[&str]| {
        let error = scores(kind, &written(folder.path(), rows)).unwrap_err();
        let error = error.to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };
    let calls = [
        json!({"label": "f(a=1)", "predict": "f(a=1)"}),
        json!({"label": "no call", "predict": "f()"}),
    ];
    refused("call", &calls, &["rows.jsonl", "row 1", "line 2", "label"]);
    refused("text", &calls, &["row 0", "reference", "nothing"]);
    let passes = [json!({"n": 3, "c": 4, "k": 1})];
    refused(
        "pass-at-k",
        &passes,
        &["row 0", "c: expected at most n", "4"],
    );
    let choice = [json!({"choices": ["a", "b"], "lls": [-1.0, "-inf"], "gold": 2})];
    refused(
        "choice",
        &choice,
        &["row 0", "gold: expected one of the choices, found 2"],
    );
    refused(
        "nonsense",
        &calls,
        &["kind: expected one of text,", "pass-at-k", "nonsense"],
    );
    for kind in ScoreKind::ALL {
        assert_eq!(kind.name().parse::<ScoreKind>().unwrap(), kind);
        assert_eq!(serde_json::to_value(kind).unwrap(), json!(kind.name()));
    }
}
