//! Scores of rows against those that were recorded from the reference programs, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use std::fs;
use std::path::Path;

use idiolect_eval::{
    EvalError, RowScores, ScoreKind, read_scored_rows, row_scores, score_means, with_ids,
};
use idiolect_testkit::recorded_scores::{
    Scored, check_instructions, check_texts_and_calls, check_verdicts,
};
use serde_json::{Value, json};

/// The scores of a file's rows with their ids, and the means.
fn scores(kind: &str, path: &Path) -> Result<(Vec<RowScores>, Value), EvalError> {
    let rows = read_scored_rows(path)?;
    let scores = row_scores(kind.parse()?, &rows)?;
    Ok((with_ids(&rows, &scores), score_means(&scores)))
}

fn scored(kind: &str, path: &Path) -> Scored {
    let (rows, means) = scores(kind, path).unwrap();
    let rows = rows.into_iter().map(Value::Object).collect();
    Scored { rows, means }
}

#[test]
fn scores_are_the_recorded_ones() {
    check_verdicts(&scored).unwrap();
}

#[test]
fn scores_of_text_and_calls_are_the_recorded_ones() {
    let folder = tempfile::tempdir().unwrap();
    check_texts_and_calls(&scored, &|rows| written(folder.path(), rows)).unwrap();
}

#[test]
fn scores_of_instructions_are_the_recorded_shares() {
    let folder = tempfile::tempdir().unwrap();
    check_instructions(&scored, &|rows| written(folder.path(), rows)).unwrap();
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
