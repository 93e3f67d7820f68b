//! How often the language verdict errs, on answers and rewrites that are all in English.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod common;

use std::fs;

use common::shared;
use idiolect_completion::FinishReason;
use idiolect_distill::{Check, Extras, Reason, Verdict, judge};
use serde_json::Value;

fn outputs(name: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(shared(name)?).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let output = |row: &Value| row["output"].as_str().unwrap().to_owned();
    Some(rows.iter().map(output).collect())
}

#[test]
fn few_rewrites_of_english_answers_are_taken_for_another_language() {
    let extras = Extras {
        language: true,
        ..Extras::default()
    };
    for (data, most) in [("alpaca", 20), ("openfunction", 20)] {
        let before = outputs(&format!("sdft/{data}_train.json"));
        let after = outputs(&format!("sdft/distilled_{data}.json"));
        let Some((before, after)) = before.zip(after) else {
            return;
        };
        let pairs = before.iter().zip(&after);
        let judged = pairs.map(|(old, new)| {
            let verdict = judge(&Check::Text, &extras, old, new, &FinishReason::Stop).unwrap();
            (verdict, new)
        });
        let mut refused = 0;
        for (verdict, text) in judged {
            if let Verdict::Reject(Reason::LanguageChanged { expected, found }) = verdict {
                println!(
                    "{data}: {expected} -> {found}: {:.60}",
                    text.replace('\n', " ")
                );
                refused += 1;
            }
        }
        println!("{data}: {refused} of {}", before.len());
        assert!(refused <= most, "{data}: {refused}");
    }
}
