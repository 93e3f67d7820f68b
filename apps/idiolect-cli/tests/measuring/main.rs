//! `metrics` and `eval`: the recorded scores, the journal, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

#[path = "../common/mod.rs"]
mod common;
mod eval;
mod models;
mod programs;
mod recorded;

use common::{Place, sums};
use serde_json::{Value, json};

fn close(found: &Value, expected: &Value, bound: f64, what: &str) {
    let [found, expected] = [found, expected].map(|value| value.as_f64().expect(what));
    assert!(
        (found - expected).abs() <= bound,
        "{what}: {found} {expected}"
    );
}

/// Two tasks' files below a data folder, one of text and one of choices.
fn tasks(place: &Place) -> String {
    sums(place, 5);
    std::fs::create_dir_all(place.path("data/mc")).unwrap();
    let rows: Vec<Value> = ["red", "blue"]
        .iter()
        .map(|word| {
            json!({"id": word, "answerKey": "B", "question": {"stem": format!("Say {word}?"),
            "choices": [{"text": "one", "label": "A"}, {"text": "two", "label": "B"}]}})
        })
        .collect();
    place.rows("data/mc/ARC-Easy-Test.jsonl", &rows);
    place.path("data")
}
