//! Options of `eval`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;
use serde::{Serialize, Serializer};

use super::{DrawOptions, ForgettingOptions, ModelOptions, ServerOptions};

/// Arguments of `eval`.
#[derive(Args, Debug)]
#[command(
    override_usage = "idiolect eval --model <MODEL> --task <NAMES> --out <FOLDER> [OPTIONS]
       idiolect eval --config <FILE> [OPTIONS]"
)]
#[command(after_help = "Examples:
  idiolect eval --model M --task gsm8k,arc_challenge --data data --limit 100 --out runs/scores
  idiolect eval --model M --adapter runs/plain/adapter --task ifeval --data data --forgetting 64 --out runs/tuned
  idiolect eval --model M --task mt_bench --data data --judge openai:http://127.0.0.1:8080/v1 --server-model J --out runs/judged")]
pub(crate) struct Eval {
    /// Flat TOML; its keys are these flags in `snake_case`, and flags win
    #[arg(help_heading = "Run", long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub flags: EvalFlags,
}

/// What is measured, and how.
#[derive(Args, Debug, Clone, Default, Serialize)]
pub(crate) struct EvalFlags {
    #[command(flatten)]
    #[serde(flatten)]
    pub model: ModelOptions,
    /// PEFT folder
    #[arg(help_heading = "Model and device", long)]
    pub adapter: Option<PathBuf>,
    /// Name of the task, a wrong one is answered with all of them; several with commas between or by repeating it, or
    /// all those of open_llm_leaderboard or sdft_knowledge, give a table
    #[arg(help_heading = "Tasks", long, value_name = "NAMES")]
    #[serde(serialize_with = "joined", skip_serializing_if = "Vec::is_empty")]
    pub task: Vec<String>,
    /// Folder with the tasks' files
    #[arg(help_heading = "Tasks", long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Only the first so many items
    #[arg(help_heading = "Tasks", long)]
    pub limit: Option<usize>,
    /// Worked examples above each question, a number or leaderboard (those of the Open LLM Leaderboard of
    /// 2023) [default: 0]
    #[arg(help_heading = "Tasks", long)]
    pub shots: Option<String>,
    /// Template of the conversation: a name, FILE.jinja or FILE.toml [default: the adapter's, else the checkpoint's chat
    /// template, else alpaca]
    #[arg(help_heading = "Tasks", long)]
    pub template: Option<String>,
    /// Rows computed together [default: 8]
    #[arg(help_heading = "Tasks", long)]
    pub batch_size: Option<usize>,
    /// Most tokens of an answer [default: the task's own]
    #[arg(long)]
    pub max_new_tokens: Option<usize>,
    #[command(flatten)]
    #[serde(flatten)]
    pub draw: DrawOptions,
    /// Python that the programs of humaneval are run with, in a sandbox (Linux) [default: python3]
    #[arg(help_heading = "Tasks", long, value_name = "PROGRAM")]
    pub python: Option<PathBuf>,
    /// Answers to each program of humaneval, drawn at 0.8 from the likeliest 0.95 of the words where nothing else is
    /// said; from 5 on pass@5, from 10 on pass@10 [default: 1]
    #[arg(help_heading = "Tasks", long, value_name = "N")]
    pub samples: Option<usize>,
    /// Runs of mt_bench, each with answers and ratings of its own [default: 3]
    #[arg(help_heading = "Tasks", long, value_name = "N")]
    pub runs: Option<usize>,
    /// Who judges mt_bench, arena_hard and alpaca_eval: a model of this machine or an OpenAI-compatible server
    /// [default: nobody; the answers are kept and can be judged later]
    #[arg(help_heading = "Judge", long, value_name = "local:MODEL|openai:URL")]
    pub judge: Option<String>,
    /// Most tokens of a judgement [default: the benchmark's own]
    #[arg(help_heading = "Judge", long, value_name = "TOKENS")]
    pub judge_tokens: Option<usize>,
    /// Answers that arena_hard and alpaca_eval compare with: a file in the benchmark's form, or rows.jsonl of
    /// another eval [default: for alpaca_eval the outputs in its data]
    #[arg(help_heading = "Judge", long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    pub server: ServerOptions,
    /// What becomes of reasoning (<think>…</think>) in answers and verdicts: remove, which counts it; or keep
    /// [default: remove]
    #[arg(help_heading = "Tasks", long)]
    pub reasoning: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub forgetting: ForgettingOptions,
    /// Seed of the draws and of the intervals [default: 42]
    #[arg(help_heading = "Run", long)]
    pub seed: Option<u64>,
    /// Folder of journal, rows and summary, of several tasks of a folder for each and their table; the same command
    /// resumes an interrupted run
    #[arg(help_heading = "Run", long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Tasks as the one text that a configuration file has.
fn joined<S: Serializer>(tasks: &[String], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&tasks.join(","))
}
