//! The command line, as typed.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use crate::eval_args::Eval;
pub use crate::writing_args::{Continue, Distill, DistillCommand, DistillMerge};

use crate::keys::{DataKeys, ModelKeys, SamplingKeys};
use crate::scoring::Kind;

/// Fine-tune Llama and Mistral models in their own words
///
/// The model rewrites a data set's answers, rewrites that pass a check replace the originals, an adapter is
/// trained on those, and a report says how far the model moved (arXiv 2402.13669).
#[derive(Parser, Debug)]
#[command(
    name = "idiolect",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one is made, when the program starts"
)]
pub enum Command {
    /// Show a model, an adapter, or which text of a data set is trained
    Inspect(Inspect),
    /// Let a model continue prompts
    Generate(Generate),
    /// Negative log-likelihood of responses
    Score(Score),
    /// Train an adapter
    Train(Train),
    /// Rewrite a data set's answers in the model's own words
    Distill(Distill),
    /// Halve documents and have a teacher continue them: training rows without instructions
    Continue(Continue),
    /// Fold an adapter into its model
    Merge(Merge),
    /// Add up several adapters of one model, each with a weight
    Combine(Combine),
    /// Scores of rows of text, or how far weights moved
    Metrics(Metrics),
    /// Measure a model on a task
    Eval(Eval),
    /// Write a run's page and its numbers: losses, scores, shift, verdicts, samples
    Report(Report),
    /// The whole job: distil, train plain and distilled, evaluate the seed model and both
    Sdft(Sdft),
}

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub struct Inspect {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelKeys,
    /// PEFT folder
    #[arg(long)]
    pub adapter: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub data: DataKeys,
    /// Show what `train` with this configuration would need, and nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "adapter", "data"])]
    pub plan: Option<PathBuf>,
    /// Rows of --data to show
    #[arg(long, default_value_t = 3)]
    pub rows: usize,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `generate`.
#[derive(Args, Debug)]
pub struct Generate {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelKeys,
    /// PEFT folder, or FOLDER=WEIGHT; repeat it for several, whose changes are added up
    #[arg(long, value_name = "FOLDER")]
    pub adapter: Vec<String>,
    /// One prompt; its text streams to the terminal
    #[arg(long, conflicts_with = "prompts", required_unless_present = "prompts")]
    pub prompt: Option<String>,
    /// Rows with id, and prompt, messages or input_ids
    #[arg(long, value_name = "FILE")]
    pub prompts: Option<PathBuf>,
    /// Template of the conversation [default: the checkpoint's chat template, else alpaca]
    #[arg(long)]
    pub template: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub sampling: SamplingKeys,
    /// Rows computed together [default: 8]
    #[arg(long)]
    pub batch_size: Option<usize>,
    /// Seed of the draws; a row's draws are its own
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Go on past an end token, without suppressing it
    #[arg(long)]
    pub ignore_eos: bool,
    /// JSON Lines of results [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `score`.
#[derive(Args, Debug)]
pub struct Score {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelKeys,
    /// PEFT folder, or FOLDER=WEIGHT; repeat it for several, whose changes are added up
    #[arg(long, value_name = "FOLDER")]
    pub adapter: Vec<String>,
    /// Rows with id, and prompt and response, messages, or input_ids and labels
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// Template of the conversation [default: the checkpoint's chat template, else alpaca]
    #[arg(long)]
    pub template: Option<String>,
    /// Rows computed together
    #[arg(long, default_value_t = 8)]
    pub batch_size: usize,
    /// JSON Lines of results [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `train`.
#[derive(Args, Debug)]
pub struct Train {
    /// Flat TOML; its keys are these flags in `snake_case`, and flags win
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Go on from the latest checkpoint of --out
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: crate::commands::train::Keys,
}

/// Arguments of `merge`.
#[derive(Args, Debug)]
pub struct Merge {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelKeys,
    /// PEFT folder
    #[arg(long)]
    pub adapter: PathBuf,
    /// Hugging Face folder to write
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Type on disk: f32, f16 or bf16 [default: that of --dtype]
    #[arg(long)]
    pub stored: Option<String>,
    /// Largest weight file, in megabytes
    #[arg(long, default_value_t = 5000)]
    pub max_shard_megabytes: u64,
}

/// Arguments of `combine`.
#[derive(Args, Debug)]
pub struct Combine {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelKeys,
    /// PEFT folder with its weight, which is 1 where it is left out; repeat it for several
    #[arg(long, required = true, value_name = "FOLDER[=WEIGHT]")]
    pub adapter: Vec<String>,
    /// PEFT folder to write
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}

/// Arguments of `metrics`.
#[derive(Args, Debug)]
pub struct Metrics {
    /// What is scored, and from which fields of a row
    #[arg(value_enum)]
    pub kind: Kind,
    /// Rows with an id and those fields
    #[arg(long = "in", value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// JSON Lines of id and scores; the means go to standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelKeys,
    /// PEFT folder (shift); repeat it for the distance between two
    #[arg(long, value_name = "FOLDER")]
    pub adapter: Vec<PathBuf>,
    /// Another model (shift)
    #[arg(long, value_name = "MODEL")]
    pub other: Option<String>,
}

/// Arguments of `report`.
#[derive(Args, Debug)]
pub struct Report {
    /// Directory that sdft or train wrote; eval folders below its eval/ are shown too
    #[arg(long, value_name = "FOLDER")]
    pub run: PathBuf,
}

/// Arguments of `sdft`.
#[derive(Args, Debug)]
pub struct Sdft {
    /// Flat TOML; its keys are these flags in `snake_case`, and flags win
    #[arg(long, value_name = "FILE", conflicts_with = "demo")]
    pub config: Option<PathBuf>,
    /// The example of the README: SmolLM2 on function calls
    #[arg(long)]
    pub demo: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: crate::commands::sdft::Keys,
}
