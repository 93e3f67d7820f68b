//! IFEval's verdicts against those recorded of the reference, instruction by instruction.
//!
//! The rows stand beside the repository; see `oracles.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests may panic, and say what is skipped"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use idiolect_metrics::ifeval::{Instruction, accuracies, sentence_count, word_count};
use serde_json::Value;

fn rows(name: &str) -> Vec<Value> {
    let shared = std::env::var_os("IDIOLECT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = shared.join("data").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        let required = std::env::var_os("IDIOLECT_REQUIRE_SHARED").is_some();
        assert!(!required, "no {}", path.display());
        eprintln!("skipped: no {}", path.display());
        return Vec::new();
    };
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The instructions of each prompt, by its key.
fn prompts() -> BTreeMap<u64, Vec<Instruction>> {
    let read = |row: &Value| {
        let names = row["instruction_id_list"].as_array().unwrap();
        let instructions = names.iter().zip(row["kwargs"].as_array().unwrap());
        instructions
            .map(|(name, arguments)| Instruction::new(name.as_str().unwrap(), arguments).unwrap())
            .collect()
    };
    let rows = rows("ifeval/input_data.jsonl");
    rows.iter()
        .map(|row| (row["key"].as_u64().unwrap(), read(row)))
        .collect()
}

#[test]
fn counts_of_sentences_and_words() {
    for row in rows("oracles/ifeval_checks.jsonl") {
        let response = row["response"].as_str().unwrap();
        assert_eq!(
            row["word_count"],
            word_count(response),
            "{} {}",
            row["key"],
            row["kind"]
        );
        assert_eq!(
            row["sentence_count"],
            sentence_count(response),
            "{} {}",
            row["key"],
            row["kind"]
        );
    }
}

#[test]
fn every_verdict() {
    let prompts = prompts();
    let (mut asked, mut differing) = (0, 0);
    let mut found = Vec::new();
    for row in rows("oracles/ifeval_checks.jsonl") {
        let response = row["response"].as_str().unwrap();
        let mut verdicts = Vec::new();
        for (i, instruction) in prompts[&row["key"].as_u64().unwrap()].iter().enumerate() {
            let verdict = (instruction.strict(response), instruction.loose(response));
            verdicts.push(verdict);
            let same = row["strict"][i] == verdict.0 && row["loose"][i] == verdict.1;
            if instruction.asks_for_language() {
                asked += 1;
                differing += usize::from(!same);
                if !same {
                    eprintln!(
                        "{instruction:?} {verdict:?} {} {} {:?}",
                        row["strict"][i],
                        row["loose"][i],
                        response.chars().take(200).collect::<String>()
                    );
                }
                continue;
            }
            assert!(
                same,
                "{} {}: {instruction:?}: {verdict:?}",
                row["key"], row["kind"]
            );
        }
        found.push(verdicts);
    }
    eprintln!("{differing} of {asked} language verdicts differ");
    eprintln!("{:?}", accuracies(&found));
}
