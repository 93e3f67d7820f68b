//! Options of `init`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;

/// Arguments of `init`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  idiolect init                                       # asks for what it needs
  idiolect init --model M --data train.jsonl --yes
  idiolect train --config train.toml")]
pub(crate) struct Init {
    /// Hugging Face folder, .gguf file, or the name of a model on the Hub, owner/name
    #[arg(long)]
    pub model: Option<String>,
    /// Examples in a JSON array, JSON Lines, .csv or .parquet
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Train every weight of the model, not an adapter
    #[arg(long)]
    pub full: bool,
    /// Where it computes: cpu, cuda, cuda:1, vulkan, wgpu, metal [default: a GPU that this program knows and the machine
    /// has, else cpu]
    #[arg(long)]
    pub device: Option<String>,
    /// Run directory that the configuration names [default: runs/ and the name of the data file]
    #[arg(long, value_name = "FOLDER")]
    pub run: Option<PathBuf>,
    /// The configuration to write, a file that must not be there yet; train --config reads it
    #[arg(long, value_name = "FILE", default_value = "train.toml")]
    pub config: PathBuf,
    /// Steps that are made to time them, beside the first; 0 makes none and says no time
    #[arg(long, value_name = "STEPS", default_value_t = 3)]
    pub timed_steps: usize,
    /// Ask nothing
    #[arg(long)]
    pub yes: bool,
}
