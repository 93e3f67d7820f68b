//! What the experiment is told on the command line.

use std::path::PathBuf;

use clap::Parser;

/// Repeat the paper's comparison of plain and distilled fine-tuning
#[derive(Parser, Debug, Clone)]
pub(crate) struct Args {
    /// Sizes: tiny (minutes, shows that it works), small (two cores), paper (a machine with a GPU)
    #[arg(long, default_value = "small")]
    pub(crate) scale: String,
    /// Start no cell that would end later than this; the cells left are named in the results
    #[arg(long)]
    pub(crate) budget_minutes: Option<f64>,
    /// Hugging Face folder or .gguf file
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// Folder with the tasks' files; its sdft folder has the training sets
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Folder of the sentence encoder; without it the embedding similarity is left out
    #[arg(long)]
    pub(crate) embedder: Option<PathBuf>,
    /// The program to call
    #[arg(long, default_value = "target/release/idiolect")]
    pub(crate) idiolect: PathBuf,
    /// Where it computes
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
    /// Folder of cells; the same call goes on where it was killed
    #[arg(long, default_value = "runs/experiment")]
    pub(crate) out: PathBuf,
    /// Page of results
    #[arg(long, default_value = "docs/RESULTS.md")]
    pub(crate) results: PathBuf,
}
