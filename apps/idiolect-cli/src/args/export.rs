//! Options of `export`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;

use super::ModelOptions;

/// Arguments of `export`.
#[derive(Args, Debug)]
#[command(
    override_usage = "idiolect export --model <MODEL> --out <FILE> [OPTIONS]
       idiolect export --model <MODEL> --adapter <FOLDER> --out <FILE> [OPTIONS]"
)]
#[command(after_help = "Examples:
  idiolect export --model M --adapter runs/plain/adapter --out adapter.gguf
  idiolect export --model M --adapter runs/plain/adapter --merge --stored q8_0 --out model.gguf
  idiolect export --model M --out model.gguf")]
pub(crate) struct Export {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder, which is written by itself, unless --merge is given
    #[arg(help_heading = "Model and device", long)]
    pub adapter: Option<PathBuf>,
    /// Fold the adapter into the model, and write the model
    #[arg(help_heading = "Output", long, requires = "adapter")]
    pub merge: bool,
    /// File to write, which ends in .gguf
    #[arg(help_heading = "Output", long, value_name = "FILE")]
    pub out: PathBuf,
    /// Type of the matrices: f32, f16, bf16, q8_0 or q4_0 [default: f32 for an adapter; that of the model's files
    /// for a model, and f16 where those are quantised]
    #[arg(help_heading = "Output", long, value_name = "TYPE")]
    pub stored: Option<String>,
    /// Overwrite a file that is there
    #[arg(help_heading = "Output", long)]
    pub overwrite: bool,
}
