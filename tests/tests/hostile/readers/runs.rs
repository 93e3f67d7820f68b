//! What a run has left in its directory, for it to resume from and for a page about it.

use std::path::Path;

use idiolect::BoxError;

use super::models::scores;
use crate::good::runs::{answer, distil, tune, tune_lazily};
use crate::reading::{Reader, any, same};

pub(super) const READERS: [Reader; 16] = [
    same("journal", "answers.jsonl", journal),
    same("checkpoint", "run/metrics.jsonl", resumed),
    same("checkpoint", "run/checkpoints/step-4/state.json", resumed),
    same(
        "checkpoint",
        "run/checkpoints/step-4/parameters.safetensors",
        resumed,
    ),
    same(
        "checkpoint",
        "run/checkpoints/step-4/optimizer.safetensors",
        resumed,
    ),
    same("checkpoint", "run/sessions.jsonl", resumed),
    same("checkpoint", "lazy/tokens.cache", resumed_lazily),
    same("distill", "distill/journal/rewrites.jsonl", distilled),
    any("page", "run/metrics.jsonl", page),
    any("page", "run/timings.jsonl", page),
    any("page", "run/sessions.jsonl", page),
    any("page", "run/side_by_side.jsonl", page),
    any("page", "run/run.toml", page),
    any("page", "run/outcome.json", page),
    any("page", "run/forgetting.json", page),
    any("page", "run/eval/sums/summary.json", page),
];

fn journal(root: &Path, file: &str) -> Result<String, BoxError> {
    Ok(format!("{:?}", answer(&root.join(file))?))
}

/// The adapter of a run that resumes at its last checkpoint.
fn resumed(root: &Path, _: &str) -> Result<String, BoxError> {
    std::fs::remove_dir_all(root.join("run/adapter"))?;
    let run = tune(root, true)?;
    scores(&run.model)
}

fn resumed_lazily(root: &Path, _: &str) -> Result<String, BoxError> {
    std::fs::remove_dir_all(root.join("lazy/adapter"))?;
    scores(&tune_lazily(root, true)?.model)
}

fn distilled(root: &Path, _: &str) -> Result<String, BoxError> {
    Ok(format!("{:?}", distil(root)?.rows))
}

fn page(root: &Path, _: &str) -> Result<String, BoxError> {
    let page = idiolect::report::write(&root.join("run"))?;
    Ok(std::fs::read_to_string(page)?)
}
