//! Seconds that BLEU and ROUGE take for 10,000 pairs of texts; `speed.py` times the reference.
//!
//! `cargo bench -p idiolect-metrics -- PAIRS.jsonl`: rows with `reference` and `hypothesis`, taken
//! in turn until there are 10,000.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and ends on bad input"
)]

use std::time::Instant;

use idiolect_metrics::{bleu4, rouge_l};
use serde_json::Value;

const PAIRS: usize = 10_000;

fn main() {
    let path = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let Some(path) = path else {
        println!("no pairs given: nothing is timed");
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let texts = |row: &Value| {
        ["reference", "hypothesis"].map(|side| row[side].as_str().unwrap().to_owned())
    };
    let pairs: Vec<[String; 2]> = rows.iter().map(texts).cycle().take(PAIRS).collect();
    for (name, score) in [
        ("bleu4", bleu4 as fn(&str, &str) -> f64),
        ("rouge_l", rouge_l),
    ] {
        let start = Instant::now();
        let sum: f64 = pairs
            .iter()
            .map(|[reference, hypothesis]| score(reference, hypothesis))
            .sum();
        let seconds = start.elapsed().as_secs_f64();
        println!("{name}: {seconds:.3} s, mean {:.9}", sum / PAIRS as f64);
    }
}
