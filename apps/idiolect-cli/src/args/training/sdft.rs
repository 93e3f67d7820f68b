//! Options of `sdft`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::args::{DataOptions, DistillOptions, ModelOptions, SamplingOptions, TrainOptions};

/// Settings of the whole job.
#[derive(Args, Debug, Clone, Default, Serialize)]
pub(crate) struct SdftFlags {
    #[command(flatten)]
    #[serde(flatten)]
    pub model: ModelOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub data: DataOptions,
    /// Folder of a sentence encoder (`MiniLM`) for the embedding similarity [default: without]
    #[arg(help_heading = "Run", long, value_name = "FOLDER")]
    pub embedder: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    pub distill: DistillOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub sampling: SamplingOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub train: TrainOptions,
    /// Seed of everything random [default: 42]
    #[arg(help_heading = "Run", long)]
    pub seed: Option<u64>,
    /// Run directory; the same command resumes an interrupted run
    #[arg(help_heading = "Run", long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Arguments of `sdft`.
#[derive(Args, Debug)]
#[command(
    override_usage = "idiolect sdft --model <MODEL> --data <FILE> --eval-data <FILE> --out <FOLDER> [OPTIONS]
       idiolect sdft --config <FILE> [OPTIONS]
       idiolect sdft --demo"
)]
#[command(after_help = "Examples:
  idiolect sdft --demo
  idiolect sdft --model M --data train.jsonl --eval-data held-out.jsonl --out runs/job
  idiolect sdft --config job.toml")]
pub(crate) struct Sdft {
    /// Flat TOML; its keys are these flags in `snake_case`, and flags win
    #[arg(
        help_heading = "Run",
        long,
        value_name = "FILE",
        conflicts_with = "demo"
    )]
    pub config: Option<PathBuf>,
    /// The example of the README: SmolLM2 on function calls
    #[arg(help_heading = "Run", long)]
    pub demo: bool,
    #[command(flatten)]
    pub flags: SdftFlags,
}
