//! Rows of data sets, prompts and tokens, and documents of a corpus.

use std::path::Path;

use idiolect::continuation::Corpus;
use idiolect::lm::rows;
use idiolect::{BoxError, Dataset, Quiet};

use super::models::open;
use crate::reading::{Reader, any};

pub(super) const READERS: [Reader; 11] = [
    any("rows", "rows.json", examples),
    any("rows", "rows.jsonl", examples),
    any("rows", "rows.csv", examples),
    any("rows", "rows.parquet", examples),
    any("rows", "messages.jsonl", examples),
    any("rows", "sharegpt.jsonl", examples),
    any("rows", "messages.jsonl", scored),
    any("rows", "prompts.jsonl", prompts),
    any("rows", "tokens.jsonl", tokens),
    any("corpus", "corpus/rows.jsonl", documents),
    any("corpus", "corpus/text.txt", documents),
];

fn examples(root: &Path, file: &str) -> Result<String, BoxError> {
    Ok(format!("{:?}", Dataset::open(root.join(file))?.rows))
}

fn scored(root: &Path, file: &str) -> Result<String, BoxError> {
    Ok(format!("{:?}", rows::read_scores(&root.join(file))?))
}

fn prompts(root: &Path, file: &str) -> Result<String, BoxError> {
    Ok(format!("{:?}", rows::read_prompts(&root.join(file))?))
}

fn tokens(root: &Path, file: &str) -> Result<String, BoxError> {
    let model = open(root, "model")?;
    let rows = rows::read_tokens(&root.join(file))?;
    Ok(format!("{:?}", model.score(&rows, 4, &Quiet)?))
}

fn documents(root: &Path, file: &str) -> Result<String, BoxError> {
    let corpus = Corpus::find(&root.join(file))?;
    let documents: Result<Vec<_>, _> = corpus.documents().collect();
    Ok(format!("{:?}", documents?))
}
