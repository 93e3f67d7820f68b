//! Stored distributions that are damaged, missing, or of another vocabulary or data set.

use std::path::PathBuf;

use idiolect_completion::LogprobTail;
use idiolect_data::{Dataset, Journal, RunDir};
use idiolect_finetune::FineTuneError;
use serde_json::json;

use super::{distilled, start};
use crate::place::Place;

#[test]
fn what_is_damaged_missing_or_of_another_vocabulary_is_refused() {
    let Some(place) = Place::new() else { return };
    let model = place.model();
    let set = distilled(&place, &model, "run", (4, LogprobTail::Drawn));
    let refused = |path: &PathBuf| {
        let data = Dataset::open(path).unwrap();
        start(&place, &data, &mut Vec::new()).unwrap_err()
    };
    let journal = RunDir::new(place.path("run")).journal(RunDir::REWRITES);
    let bin = RunDir::logprobs_beside(&journal);
    let good = std::fs::read(&bin).unwrap();
    let mut bad = good.clone();
    let at = bad.len() - 1;
    bad[at] ^= 1;
    std::fs::write(&bin, &bad).unwrap();
    let error = refused(&set);
    assert!(matches!(error, FineTuneError::Stored(_)));
    assert!(
        error
            .to_string()
            .contains("logprobs.bin: checksum of id 7: expected "),
        "{error}"
    );
    std::fs::write(&bin, &good[..at]).unwrap();
    assert!(refused(&set).to_string().contains("logprobs.bin: tokens: "));
    let other = String::from_utf8_lossy(&good).replacen(&model.vocabulary_hash(), "other", 1);
    std::fs::write(&bin, &other).unwrap();
    let error = refused(&set).to_string();
    assert!(
        error.contains("logprobs.bin: vocabulary: expected that of the model"),
        "{error}"
    );
    std::fs::remove_file(&bin).unwrap();
    assert!(refused(&set).to_string().contains("logprobs.bin"));
    // A data set that was moved, one of no distillation, and a text that the journal lacks.
    let moved = place.path("distilled.jsonl");
    std::fs::copy(&set, &moved).unwrap();
    let error = refused(&moved).to_string();
    assert!(
        error.contains("distilled.jsonl: logprobs_of: expected the file where"),
        "{error}"
    );
    let error = refused(&place.data().path).to_string();
    assert!(
        error.starts_with("loss: expected rows with stored distributions"),
        "{error}"
    );
    std::fs::write(&bin, &good).unwrap();
    Journal::write(&journal, &[json!({"id": 0, "token_ids": [1]})]).unwrap();
    let error = refused(&set).to_string();
    assert!(error.contains("logprobs_of: expected a text of"), "{error}");
}
