//! `metrics` of answers: the recorded scores, and what is refused.

use std::path::Path;

use idiolect_testkit::recorded_scores::{
    Scored, check_instructions, check_texts_and_calls, check_verdicts,
};
use serde_json::{Value, json};

use crate::common::{Place, done, refused};

/// Scores a file by the program: the rows that it writes and the means that it prints.
fn metrics(place: &Place, kind: &str, input: &Path) -> Scored {
    let (input, out) = (input.display().to_string(), place.path("scores.jsonl"));
    let means = done(&["metrics", kind, "--in", &input, "--out", &out]);
    assert_eq!(means.lines().count(), 1, "{means}");
    Scored {
        rows: place.lines("scores.jsonl"),
        means: serde_json::from_str(&means).expect("JSON"),
    }
}

#[test]
fn metrics_give_the_recorded_scores() {
    let Some(place) = Place::new() else { return };
    check_verdicts(&|kind, path| metrics(&place, kind, path)).unwrap();
}

#[test]
fn metrics_of_text_and_calls_give_the_recorded_scores() {
    let Some(place) = Place::new() else { return };
    let write = |rows: &[Value]| place.rows("calls.jsonl", rows).into();
    check_texts_and_calls(&|kind, path| metrics(&place, kind, path), &write).unwrap();
}

#[test]
fn metrics_of_instructions_give_the_recorded_shares() {
    let Some(place) = Place::new() else { return };
    let write = |rows: &[Value]| place.rows("rows.jsonl", rows).into();
    check_instructions(&|kind, path| metrics(&place, kind, path), &write).unwrap();
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
