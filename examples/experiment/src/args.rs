//! The experiment's options.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Parser;

/// Train a model on the same rows with their own responses and with its rewrites, and measure what it learns and
/// forgets
#[derive(Parser, Debug, Clone)]
pub(crate) struct Args {
    /// Hugging Face folder or .gguf file
    #[arg(long)]
    pub(crate) model: String,
    /// Rows to rewrite and to train on, with instruction, input and output
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Folder with the files of the task arc_challenge; without it knowledge is left out
    #[arg(long)]
    pub(crate) tasks: Option<PathBuf>,
    /// Folder of the sentence encoder; without it the likeness of answers is by words alone
    #[arg(long)]
    pub(crate) embedder: Option<PathBuf>,
    /// Start no run that would end later than this
    #[arg(long)]
    pub(crate) budget_minutes: Option<f64>,
    /// Which draw of rows: another number draws other rows and samples the rewrites
    #[arg(long, default_value_t = 1)]
    pub(crate) draw: u64,
    /// Where it computes
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
    /// Folder of rewrites and adapters; the same call resumes where it was killed
    #[arg(long, default_value = "runs/experiment")]
    pub(crate) out: PathBuf,
    /// Numbers of the finished runs
    #[arg(long, default_value = "docs/results/experiment.jsonl")]
    pub(crate) results: PathBuf,
    /// Page of results; its figure lies beside the numbers
    #[arg(long, default_value = "docs/RESULTS.md")]
    pub(crate) page: PathBuf,
}
