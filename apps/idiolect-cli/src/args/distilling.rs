//! Options of `distill`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{DataOptions, ModelOptions, SamplingOptions, ServerOptions};

/// How answers are rewritten.
#[derive(Args, Debug, Clone, Default, Serialize)]
pub(crate) struct DistillOptions {
    /// Distillation template: using, refer or gsm8k in the checkpoint's chat template, or a preset of the
    /// paper's scripts, for example sdft-2402/main/using; unaided shows no reference, and drops rows without
    /// an answer [default: using]
    #[arg(help_heading = "Rewriting", long)]
    pub preset: Option<String>,
    /// What a rewrite must pass: text, math, call, call-half or code [default: text]
    #[arg(help_heading = "Rewriting", long)]
    pub check: Option<String>,
    /// Share of the responses that may be replaced [default: 1]
    #[arg(help_heading = "Rewriting", long)]
    pub mix_ratio: Option<f64>,
    /// What is refused beside that, with commas between: unfinished, empty, echo (of the template's markup),
    /// short, language (another than the original's), or none [default: unfinished,empty,echo in a chat
    /// template, none in a preset of the paper's scripts]
    #[arg(help_heading = "Rewriting", long, value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<String>,
    /// Fewest words, in per cent of the original's, for the verdict short [default: 50]
    #[arg(help_heading = "Rewriting", long)]
    pub least_percent: Option<usize>,
    /// What becomes of reasoning (<think>…</think>) in the texts that the model writes: remove, which counts it; or
    /// keep [default: remove]
    #[arg(help_heading = "Rewriting", long)]
    pub reasoning: Option<String>,
    /// Keep each prompt in the journal, beside its hash [default: false]
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub keep_prompts: Option<bool>,
}

/// Settings of a distillation.
#[derive(Args, Debug, Clone, Default, Serialize)]
pub(crate) struct DistillFlags {
    #[command(flatten)]
    #[serde(flatten)]
    pub model: ModelOptions,
    /// PEFT folder: rewrite with this adapter on the model
    #[arg(help_heading = "Model and device", long)]
    pub adapter: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    pub data: DataOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub distill: DistillOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub sampling: SamplingOptions,
    /// Record the distribution at each token of a rewrite by this many tokens: train --loss stored-kl learns from them
    /// [default: none]
    #[arg(help_heading = "Rewriting", long, value_name = "K")]
    pub logprobs: Option<usize>,
    /// Rewrite nothing, and record the distributions at the tokens of the data set's own responses [default: false]
    #[arg(help_heading = "Rewriting", long, num_args = 0..=1, default_missing_value = "true")]
    pub keep_responses: Option<bool>,
    /// Address of an OpenAI-compatible server that rewrites in the place of the model, which gives template and vocabulary
    /// and scores the responses [default: the model rewrites]
    #[arg(help_heading = "Server", long, value_name = "URL")]
    pub server: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub asking: ServerOptions,
    /// Rewrite part I of N of the rows, for N machines; `distill merge` joins the parts
    #[arg(help_heading = "Run", long, value_name = "I/N")]
    pub shard: Option<String>,
    /// Do not score the responses, before and after, under the model
    #[arg(
        help_heading = "Run",
        long = "no-likelihood",
        num_args = 0,
        default_missing_value = "false"
    )]
    pub likelihood: Option<bool>,
    /// Seed of the sample, the mix and the draws [default: 42]
    #[arg(help_heading = "Run", long)]
    pub seed: Option<u64>,
    /// Folder of journal, data set and summary; the same command resumes an interrupted run
    #[arg(help_heading = "Run", long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Arguments of `distill`.
#[derive(Args, Debug)]
#[command(
    override_usage = "idiolect distill --model <MODEL> --data <FILE> --out <FOLDER> [OPTIONS]
       idiolect distill --config <FILE> [OPTIONS]
       idiolect distill merge --from <PATH> --config <FILE> --out <FOLDER>"
)]
#[command(after_help = "Examples:
  idiolect distill --model M --data train.jsonl --out runs/own
  idiolect distill --model M --data gsm8k.jsonl --preset gsm8k --check math --out runs/own
  idiolect distill --model M --data train.jsonl --logprobs 20 --out runs/own
  idiolect distill --model M --data train.jsonl --server http://127.0.0.1:8080/v1 --logprobs 20 --out runs/taught
  idiolect distill --model M --data train.jsonl --shard 1/2 --out runs/part-1")]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Distill {
    /// What to do instead of rewriting.
    #[command(subcommand)]
    pub instead: Option<DistillCommand>,
    /// Flat TOML; its keys are these flags in `snake_case`, and flags win
    #[arg(help_heading = "Run", long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub flags: DistillFlags,
}

/// What belongs to `distill`.
#[derive(Subcommand, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one is made, when the program starts"
)]
pub(crate) enum DistillCommand {
    /// Join the journals of several machines' shards, tell missing and double rows, and export the set
    Merge(DistillMerge),
}

/// Arguments of `distill merge`.
#[derive(Args, Debug)]
pub(crate) struct DistillMerge {
    /// Flat TOML, that of the shards
    #[arg(help_heading = "Run", long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Journal of a shard, or the --out folder that it is in; repeat it for several
    #[arg(help_heading = "Run", long, required = true, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    #[command(flatten)]
    pub flags: DistillFlags,
}
