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
#[command(
    override_usage = "idiolect inspect --model <MODEL> [--data <FILE>] [OPTIONS]
       idiolect inspect --plan <FILE>"
)]
#[command(after_help = "Examples:
  idiolect inspect --model models/SmolLM2-135M-Instruct.Q4_1.gguf
  idiolect inspect --model M --data train.jsonl --rows 2      # which text is trained
  idiolect inspect --plan run.toml                            # memory, work and time of a training

The glossary of the documentation (docs/GLOSSARY.md) explains the names that it shows.")]
pub(crate) struct Inspect {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder
    #[arg(help_heading = "Model and device", long)]
    pub adapter: Option<PathBuf>,
    #[command(flatten)]
    pub data: DataOptions,
    /// Show what `train` with this configuration would need, memory and time, and nothing else
    #[arg(help_heading = "Output", long, value_name = "FILE", conflicts_with_all = ["model", "adapter", "data"])]
    pub plan: Option<PathBuf>,
    /// Steps of --plan that are made to time them, beside the first; 0 makes none and says no time
    #[arg(
        help_heading = "Output",
        long,
        value_name = "STEPS",
        default_value_t = 3
    )]
    pub timed_steps: usize,
    /// Show the prompts that ask for rewrites of --data, with this distillation template (`distill --preset`)
    #[arg(long, requires = "data")]
    pub preset: Option<String>,
    /// Rows of --data to show
    #[arg(help_heading = "Output", long, default_value_t = 3)]
    pub rows: usize,
    /// One JSON object on standard output
    #[arg(help_heading = "Output", long)]
    pub json: bool,
}

/// Arguments of `generate`.
#[derive(Args, Debug)]
#[command(
    override_usage = "idiolect generate --model <MODEL> --prompt <PROMPT> [OPTIONS]
       idiolect generate --model <MODEL> --prompts <FILE> [OPTIONS]"
)]
#[command(after_help = "Examples:
  idiolect generate --model M --prompt \"What is a LoRA adapter?\"
  idiolect generate --model M --adapter runs/plain/adapter --prompt \"Say red.\" --temperature 0.7 --top-p 0.9
  idiolect generate --model M --prompts rows.jsonl --out texts.jsonl")]
pub(crate) struct Generate {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder, or FOLDER=WEIGHT; repeat it for several, whose changes are added up
    #[arg(help_heading = "Model and device", long, value_name = "FOLDER")]
    pub adapter: Vec<String>,
    /// One prompt, or - for standard input; its text streams to the terminal
    #[arg(
        help_heading = "Prompts",
        long,
        conflicts_with = "prompts",
        required_unless_present = "prompts"
    )]
    pub prompt: Option<String>,
    /// Rows with id, and prompt, messages or input_ids, or rows of any format of data sets, answers left out; a row's
    /// `adapter`, a folder, or null for the base model, takes the place of --adapter for it
    #[arg(help_heading = "Prompts", long, value_name = "FILE")]
    pub prompts: Option<PathBuf>,
    /// Template of the conversation: a name, FILE.jinja or FILE.toml [default: the adapter's, else the checkpoint's chat
    /// template, else alpaca]
    #[arg(help_heading = "Prompts", long)]
    pub template: Option<String>,
    #[command(flatten)]
    pub sampling: SamplingOptions,
    /// Rows computed together [default: 8]
    #[arg(help_heading = "Generation", long)]
    pub batch_size: Option<usize>,
    /// Seed of the draws; a row's draws are its own
    #[arg(help_heading = "Generation", long, default_value_t = 42)]
    pub seed: u64,
    /// A row that cannot be used, or is too long: error, or skip, which leaves it out and lists it in
    /// OUT.skipped.jsonl, or on standard error without --out
    #[arg(
        help_heading = "Prompts",
        long,
        value_name = "WHAT",
        default_value = "error"
    )]
    pub bad_rows: String,
    /// What becomes of reasoning (<think>…</think>) in the texts: keep; or remove, which counts it and shows a text once
    /// it is whole
    #[arg(help_heading = "Generation", long, value_name = "WHAT", default_value = "keep", value_parser = ["keep", "remove"])]
    pub reasoning: String,
    /// Go on past an end token, without suppressing it
    #[arg(help_heading = "Generation", long)]
    pub ignore_eos: bool,
    /// JSON Lines of results [default: standard output]
    #[arg(help_heading = "Output", long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `score`.
#[derive(Args, Debug)]
#[command(override_usage = "idiolect score --model <MODEL> --data <FILE> [OPTIONS]")]
#[command(after_help = "Examples:
  idiolect score --model M --data held-out.jsonl
  idiolect score --model M --adapter runs/plain/adapter --data held-out.jsonl --out nll.jsonl")]
pub(crate) struct Score {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder, or FOLDER=WEIGHT; repeat it for several, whose changes are added up
    #[arg(help_heading = "Model and device", long, value_name = "FOLDER")]
    pub adapter: Vec<String>,
    /// Rows with id, and prompt and response or input_ids and labels, or rows of any format of data sets
    #[arg(help_heading = "Data", long, value_name = "FILE")]
    pub data: PathBuf,
    /// Template of the conversation: a name, FILE.jinja or FILE.toml [default: the adapter's, else the checkpoint's chat
    /// template, else alpaca]
    #[arg(help_heading = "Data", long)]
    pub template: Option<String>,
    /// Rows computed together
    #[arg(help_heading = "Output", long, default_value_t = 8)]
    pub batch_size: usize,
    /// A row that cannot be used, or is too long: error, or skip, which leaves it out and lists it in
    /// OUT.skipped.jsonl, or on standard error without --out
    #[arg(
        help_heading = "Data",
        long,
        value_name = "WHAT",
        default_value = "error"
    )]
    pub bad_rows: String,
    /// JSON Lines of results [default: standard output]
    #[arg(help_heading = "Output", long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `merge`.
#[derive(Args, Debug)]
#[command(
    override_usage = "idiolect merge --model <MODEL> --adapter <FOLDER> --out <FOLDER> [OPTIONS]"
)]
#[command(after_help = "Examples:
  idiolect merge --model M --adapter runs/plain/adapter --out merged
  idiolect merge --model M --adapter runs/plain/adapter --out merged --stored bf16")]
pub(crate) struct Merge {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder
    #[arg(help_heading = "Model and device", long)]
    pub adapter: PathBuf,
    /// Hugging Face folder to write
    #[arg(help_heading = "Output", long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Type on disk: f32, f16 or bf16 [default: that of --dtype where it is given,
    /// else that of the model's files]
    #[arg(help_heading = "Output", long)]
    pub stored: Option<String>,
    /// Largest weight file, in megabytes
    #[arg(help_heading = "Output", long, default_value_t = 5000)]
    pub max_shard_megabytes: u64,
    /// Overwrite a model that the folder holds
    #[arg(help_heading = "Output", long)]
    pub overwrite: bool,
}

/// Arguments of `combine`.
#[derive(Args, Debug)]
#[command(
    override_usage = "idiolect combine --model <MODEL> --adapter <FOLDER[=WEIGHT]>... --out <FOLDER> [OPTIONS]"
)]
#[command(after_help = "Examples:
  idiolect combine --model M --adapter first=0.7 --adapter second=0.3 --out both")]
pub(crate) struct Combine {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder with its weight, which is 1 where it is left out; repeat it for several
    #[arg(
        help_heading = "Model and device",
        long,
        required = true,
        value_name = "FOLDER[=WEIGHT]"
    )]
    pub adapter: Vec<String>,
    /// PEFT folder to write
    #[arg(help_heading = "Output", long, value_name = "FOLDER")]
    pub out: PathBuf,
}

/// Arguments of `metrics`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  idiolect metrics text --in rows.jsonl --out scores.jsonl
  idiolect metrics shift --model M --adapter runs/plain/adapter")]
pub(crate) struct Metrics {
    /// What is scored, and from which fields of a row
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// Rows with an id and those fields
    #[arg(help_heading = "Rows", long = "in", value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// JSON Lines of id and scores; the means go to standard output
    #[arg(help_heading = "Rows", long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder (shift); repeat it for the distance between two
    #[arg(help_heading = "Model and device", long, value_name = "FOLDER")]
    pub adapter: Vec<PathBuf>,
    /// Another model (shift)
    #[arg(help_heading = "Model and device", long, value_name = "MODEL")]
    pub other: Option<String>,
}

/// Arguments of `report`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  idiolect report runs/demo
  idiolect report runs/slow runs/fast --out runs/both")]
pub(crate) struct Report {
    /// Directory that sdft, train or distill wrote; eval folders below its eval/ are shown too. Given again, the
    /// runs are shown side by side on one page
    #[arg(value_name = "RUN", required_unless_present = "run")]
    pub runs: Vec<PathBuf>,
    /// The same, by name
    #[arg(long, value_name = "FOLDER")]
    pub run: Vec<PathBuf>,
    /// Where index.html and report.json are written; the run's own report/ unless several runs are given
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}
