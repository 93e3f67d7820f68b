//! Options of `chat`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use clap::Args;

use super::{ModelOptions, SamplingOptions};

/// Arguments of `chat`.
#[derive(Args, Debug)]
#[command(override_usage = "idiolect chat --model <MODEL> [OPTIONS]")]
#[command(
    after_help = "While it runs: /help lists what may be typed beside turns.

Examples:
  idiolect chat --model models/SmolLM2-135M-Instruct.Q4_1.gguf
  idiolect chat --model M --adapter runs/plain/adapter --beside --temperature 0.7 --top-p 0.9
  idiolect chat --model M --system \"Answer in one sentence.\""
)]
pub(crate) struct Chat {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder, or FOLDER=WEIGHT; repeat it for several, whose changes are added up
    #[arg(help_heading = "Model and device", long, value_name = "FOLDER")]
    pub adapter: Vec<String>,
    /// Let the base model answer beside the adapted one
    #[arg(help_heading = "Model and device", long, requires = "adapter")]
    pub beside: bool,
    /// System text before the first turn [default: none]
    #[arg(help_heading = "Prompts", long, value_name = "TEXT")]
    pub system: Option<String>,
    /// Template of the conversation: a name, FILE.jinja or FILE.toml [default: the adapter's, else the checkpoint's chat
    /// template, else alpaca]
    #[arg(help_heading = "Prompts", long)]
    pub template: Option<String>,
    #[command(flatten)]
    pub sampling: SamplingOptions,
    /// Seed of the draws
    #[arg(help_heading = "Generation", long, default_value_t = 42)]
    pub seed: u64,
}
