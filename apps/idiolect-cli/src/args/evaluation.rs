//! Options of `eval`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{ForgettingOptions, ModelOptions, ServerOptions};

/// Arguments of `eval`.
#[derive(Args, Debug, Clone, Default, Serialize)]
pub(crate) struct EvalFlags {
    #[command(flatten)]
    #[serde(flatten)]
    pub model: ModelOptions,
    /// PEFT folder
    #[arg(long)]
    pub adapter: Option<PathBuf>,
    /// Name of the task; a wrong one is answered with all of them
    #[arg(long)]
    pub task: String,
    /// Folder with the tasks' files
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,
    /// Only the first so many items
    #[arg(long)]
    pub limit: Option<usize>,
    /// Worked examples above each question, a number or leaderboard (those of the Open LLM Leaderboard of
    /// 2023) [default: 0]
    #[arg(long)]
    pub shots: Option<String>,
    /// Template of the conversation: a name, FILE.jinja or FILE.toml [default: the adapter's, else the checkpoint's chat
    /// template, else alpaca]
    #[arg(long)]
    pub template: Option<String>,
    /// Rows computed together
    #[arg(long, default_value_t = 8)]
    pub batch_size: usize,
    /// Most tokens of an answer [default: the task's own]
    #[arg(long)]
    pub max_new_tokens: Option<usize>,
    /// Python that the programs of humaneval are run with, in a sandbox (Linux)
    #[arg(long, default_value = "python3", value_name = "PROGRAM")]
    pub python: PathBuf,
    /// Answers to each program of humaneval; from 5 on pass@5, from 10 on pass@10 [default: 1]
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,
    /// What the answers of humaneval are drawn at, from the likeliest 0.95 of the words; 0 is greedy
    /// [default: 0, and 0.8 for several samples]
    #[arg(long)]
    pub temperature: Option<f32>,
    /// Runs of mt_bench, each with answers and ratings of its own [default: 3]
    #[arg(long, value_name = "N")]
    pub runs: Option<usize>,
    /// Who judges mt_bench, arena_hard and alpaca_eval: a model of this machine or an OpenAI-compatible server
    /// [default: nobody; the answers are kept and can be judged later]
    #[arg(long, value_name = "local:MODEL|openai:URL")]
    pub judge: Option<String>,
    /// Most tokens of a judgement [default: the benchmark's own]
    #[arg(long, value_name = "TOKENS")]
    pub judge_tokens: Option<usize>,
    /// Answers that arena_hard and alpaca_eval compare with: a file in the benchmark's form, or rows.jsonl of
    /// another eval [default: for alpaca_eval the outputs in its data]
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    pub server: ServerOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub forgetting: ForgettingOptions,
    /// Seed of the draws and of the intervals
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Folder of journal, rows and summary; the same command resumes an interrupted run
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}
