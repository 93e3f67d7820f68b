//! Scores of rows against those that were recorded from the reference programs (`shared/data/oracles`), for
//! whoever computes them: the library, or the program.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{TestkitError, shared_file};

/// What a file of rows came to.
#[derive(Debug, Clone)]
pub struct Scored {
    /// An object for each row, with its id.
    pub rows: Vec<Value>,
    /// The means over the rows.
    pub means: Value,
}

/// Scores the rows of a file by a kind of score.
pub type ScoreFile<'a> = dyn Fn(&str, &Path) -> Scored + 'a;

/// Safety, sums, programs, pass@k and choices, row by row.
///
/// # Panics
///
/// Where a score is not the recorded one.
///
/// # Errors
///
/// [`TestkitError`] where a file cannot be read, or has no number where one should be.
pub fn check_verdicts(score: &ScoreFile<'_>) -> Result<(), TestkitError> {
    let kinds = [
        ("safety", "safety.jsonl", "safe", "safe"),
        ("math", "math.jsonl", "correct", "correct"),
        ("code", "magicoder.jsonl", "correct", "ok"),
        ("pass-at-k", "pass_at_k.jsonl", "pass_at_k", "pass_at_k"),
        ("choice", "multiple_choice_scoring.jsonl", "acc", "acc"),
    ];
    for (kind, file, ours, theirs) in kinds {
        let Some(path) = oracle(file) else {
            return Ok(());
        };
        let expected = rows(&path)?;
        let Scored { rows: found, means } = score(kind, &path);
        let counts = (expected.len(), &json!(expected.len()));
        assert_eq!((found.len(), &means["rows"]), counts);
        for (i, (found, row)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found["id"], *row.get("id").unwrap_or(&json!(i)));
            // A row that the reference fails on has no verdict.
            if row[theirs].is_number() {
                close(&found[ours], &row[theirs], 1e-12, kind)?;
            } else if row[theirs].is_boolean() {
                assert_eq!(found[ours], row[theirs], "{kind} {}", row["id"]);
            }
        }
    }
    Ok(())
}

/// BLEU of texts and its mean, and function calls. `write` makes a file of rows.
///
/// # Panics
///
/// As [`check_verdicts`].
///
/// # Errors
///
/// As [`check_verdicts`].
pub fn check_texts_and_calls(
    score: &ScoreFile<'_>,
    write: &dyn Fn(&[Value]) -> PathBuf,
) -> Result<(), TestkitError> {
    let Some(path) = oracle("text_pairs.jsonl") else {
        return Ok(());
    };
    let expected = rows(&path)?;
    let Scored { rows: found, means } = score("text", &path);
    let mut sum = 0.0;
    for (found, row) in found.iter().zip(&expected) {
        close(&found["bleu4"], &row["bleu4_char_m3"], 1e-12, "bleu4")?;
        close(
            &found["sacrebleu"],
            &row["sacrebleu_13a"],
            1e-9,
            "sacrebleu",
        )?;
        sum += number(&found["bleu4"], "bleu4")?;
    }
    let mean = json!(sum / expected.len() as f64);
    close(&means["bleu4"], &mean, 1e-12, "mean")?;
    let Some(path) = oracle("openfunction.jsonl") else {
        return Ok(());
    };
    let calls = rows(&path)?.into_iter();
    let usable: Vec<Value> = calls.filter(|row| row["error_main"].is_null()).collect();
    let Scored { rows: found, .. } = score("call", &write(&usable));
    for (found, row) in found.iter().zip(&usable) {
        assert_eq!(found["correct"], row["check_main"], "{}", row["id"]);
        close(&found["score"], &row["check_reproduce"], 0.0, "score")?;
    }
    Ok(())
}

/// Instructions of `IFEval`: 98 of 100 strict verdicts, since language detection draws. `write` makes a file of
/// rows.
///
/// # Panics
///
/// As [`check_verdicts`].
///
/// # Errors
///
/// As [`check_verdicts`].
pub fn check_instructions(
    score: &ScoreFile<'_>,
    write: &dyn Fn(&[Value]) -> PathBuf,
) -> Result<(), TestkitError> {
    let Some(path) = oracle("ifeval_checks.jsonl") else {
        return Ok(());
    };
    let Some(prompts) = shared_file("data/ifeval/input_data.jsonl") else {
        return Ok(());
    };
    let (checks, prompts) = (rows(&path)?, rows(&prompts)?);
    let join = |check: &Value| {
        let prompt = prompts.iter().find(|prompt| prompt["key"] == check["key"]);
        let mut row = prompt.cloned().unwrap_or_default();
        row["response"] = check["response"].clone();
        row
    };
    let joined: Vec<Value> = checks[..100].iter().map(join).collect();
    let Scored { rows: found, means } = score("ifeval", &write(&joined));
    let pairs = found.iter().zip(&checks);
    let agree = pairs.filter(|(a, b)| a["strict"] == b["strict"]).count();
    assert!(98 <= agree, "{agree} of 100");
    let share = |name| number(&means[name], name);
    assert!(share("instruction_loose")? >= share("instruction_strict")?);
    Ok(())
}

fn oracle(name: &str) -> Option<PathBuf> {
    shared_file(&format!("data/oracles/{name}"))
}

fn rows(path: &Path) -> Result<Vec<Value>, TestkitError> {
    let text = std::fs::read_to_string(path).map_err(|source| TestkitError::Io {
        path: path.to_owned(),
        source,
    })?;
    let row = |(at, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| TestkitError::Row {
            row: at,
            expected: "JSON",
            found: error.to_string(),
        })
    };
    text.lines().enumerate().map(row).collect()
}

fn number(value: &Value, what: &'static str) -> Result<f64, TestkitError> {
    value.as_f64().ok_or_else(|| TestkitError::Number {
        what,
        found: value.to_string(),
    })
}

fn close(
    found: &Value,
    expected: &Value,
    bound: f64,
    what: &'static str,
) -> Result<(), TestkitError> {
    let (found, expected) = (number(found, what)?, number(expected, what)?);
    let off = (found - expected).abs();
    assert!(off <= bound, "{what}: {found} {expected}");
    Ok(())
}
