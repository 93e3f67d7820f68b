//! Options of the commands that read or write single files and folders: `inspect`, `generate`, `score`, `merge`,
//! `combine`, `metrics`, `report`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;

use super::{DataOptions, ModelOptions, SamplingOptions};

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder
    #[arg(long)]
    pub adapter: Option<PathBuf>,
    #[command(flatten)]
    pub data: DataOptions,
    /// Show what `train` with this configuration would need, and nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "adapter", "data"])]
    pub plan: Option<PathBuf>,
    /// Show the prompts that ask for rewrites of --data, with this distillation template (`distill --preset`)
    #[arg(long, requires = "data")]
    pub preset: Option<String>,
    /// Rows of --data to show
    #[arg(long, default_value_t = 3)]
    pub rows: usize,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `generate`.
#[derive(Args, Debug)]
pub(crate) struct Generate {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder, or FOLDER=WEIGHT; repeat it for several, whose changes are added up
    #[arg(long, value_name = "FOLDER")]
    pub adapter: Vec<String>,
    /// One prompt; its text streams to the terminal
    #[arg(long, conflicts_with = "prompts", required_unless_present = "prompts")]
    pub prompt: Option<String>,
    /// Rows with id, and prompt, messages or input_ids, or rows of any format of data sets, answers left out
    #[arg(long, value_name = "FILE")]
    pub prompts: Option<PathBuf>,
    /// Template of the conversation: a name, FILE.jinja or FILE.toml [default: the adapter's, else the checkpoint's chat
    /// template, else alpaca]
    #[arg(long)]
    pub template: Option<String>,
    #[command(flatten)]
    pub sampling: SamplingOptions,
    /// Rows computed together [default: 8]
    #[arg(long)]
    pub batch_size: Option<usize>,
    /// Seed of the draws; a row's draws are its own
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// A row that cannot be used, or is too long: error, or skip, which leaves it out and lists it in
    /// OUT.skipped.jsonl, or on standard error without --out
    #[arg(long, value_name = "WHAT", default_value = "error")]
    pub bad_rows: String,
    /// What becomes of reasoning (<think>…</think>) in the texts: keep; or remove, which counts it and shows a text once
    /// it is whole
    #[arg(long, value_name = "WHAT", default_value = "keep", value_parser = ["keep", "remove"])]
    pub reasoning: String,
    /// Go on past an end token, without suppressing it
    #[arg(long)]
    pub ignore_eos: bool,
    /// JSON Lines of results [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `score`.
#[derive(Args, Debug)]
pub(crate) struct Score {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder, or FOLDER=WEIGHT; repeat it for several, whose changes are added up
    #[arg(long, value_name = "FOLDER")]
    pub adapter: Vec<String>,
    /// Rows with id, and prompt and response or input_ids and labels, or rows of any format of data sets
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// Template of the conversation: a name, FILE.jinja or FILE.toml [default: the adapter's, else the checkpoint's chat
    /// template, else alpaca]
    #[arg(long)]
    pub template: Option<String>,
    /// Rows computed together
    #[arg(long, default_value_t = 8)]
    pub batch_size: usize,
    /// A row that cannot be used, or is too long: error, or skip, which leaves it out and lists it in
    /// OUT.skipped.jsonl, or on standard error without --out
    #[arg(long, value_name = "WHAT", default_value = "error")]
    pub bad_rows: String,
    /// JSON Lines of results [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `merge`.
#[derive(Args, Debug)]
pub(crate) struct Merge {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder
    #[arg(long)]
    pub adapter: PathBuf,
    /// Hugging Face folder to write
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Type on disk: f32, f16 or bf16 [default: that of --dtype where it is given,
    /// else that of the model's files]
    #[arg(long)]
    pub stored: Option<String>,
    /// Largest weight file, in megabytes
    #[arg(long, default_value_t = 5000)]
    pub max_shard_megabytes: u64,
    /// Overwrite a model that the folder holds
    #[arg(long)]
    pub overwrite: bool,
}

/// Arguments of `combine`.
#[derive(Args, Debug)]
pub(crate) struct Combine {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder with its weight, which is 1 where it is left out; repeat it for several
    #[arg(long, required = true, value_name = "FOLDER[=WEIGHT]")]
    pub adapter: Vec<String>,
    /// PEFT folder to write
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}

/// Arguments of `metrics`.
#[derive(Args, Debug)]
pub(crate) struct Metrics {
    /// What is scored, and from which fields of a row
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// Rows with an id and those fields
    #[arg(long = "in", value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// JSON Lines of id and scores; the means go to standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder (shift); repeat it for the distance between two
    #[arg(long, value_name = "FOLDER")]
    pub adapter: Vec<PathBuf>,
    /// Another model (shift)
    #[arg(long, value_name = "MODEL")]
    pub other: Option<String>,
}

/// Arguments of `report`.
#[derive(Args, Debug)]
pub(crate) struct Report {
    /// Directory that sdft, train or distill wrote; eval folders below its eval/ are shown too. Given again, the
    /// runs are shown side by side on one page
    #[arg(long, value_name = "FOLDER", required = true)]
    pub run: Vec<PathBuf>,
    /// Where index.html and report.json are written; the run's own report/ unless several runs are given
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}
