//! Options of `distill-online`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::args::{DataOptions, ModelOptions, SamplingOptions, Source, TrainOptions};

/// Teacher, context and divergence.
#[derive(Args, Debug, Clone, Default, Serialize)]
#[command(next_help_heading = "Teacher")]
pub(crate) struct TeachingOptions {
    /// Who teaches: off, the model without its adapter; live, the student as it is; ema, a moving average of it; or
    /// original, the student before the first of several rounds [default: off]
    #[arg(long)]
    pub teacher: Option<String>,
    /// How far the teacher ema moves towards the student after each step [default: 0.01]
    #[arg(long)]
    pub ema_rate: Option<f64>,
    /// The adapter of the teacher original [default: the one that the run starts with]
    #[arg(long, value_name = "FOLDER")]
    pub teacher_adapter: Option<PathBuf>,
    /// What the teacher is shown beside the question: sdft-2601, opsd-2601, opcd-2602, or FILE.toml [default:
    /// sdft-2601]
    #[arg(long)]
    pub context: Option<String>,
    /// What is minimised at each token: forward-kl, the teacher's divergence from the student, reverse-kl, the student's
    /// from the teacher, or js [default: forward-kl]
    #[arg(long)]
    pub divergence: Option<String>,
    /// The teacher's share of the mixture of js [default: 0.5]
    #[arg(long)]
    pub js_weight: Option<f64>,
    /// Over which tokens of the vocabulary: full, student-top-k, teacher-top-k, or sampled, which needs reverse-kl
    /// [default: full]
    #[arg(long)]
    pub support: Option<String>,
    /// How many tokens the likeliest are [default: 100]
    #[arg(long, value_name = "K")]
    pub support_top_k: Option<usize>,
    /// Count the rest of the vocabulary as one more token beside the likeliest
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub support_tail: Option<bool>,
    /// First tokens of each answer that are not trained [default: 3]
    #[arg(long, value_name = "N")]
    pub skip_tokens: Option<usize>,
    /// Divides the logits of student and teacher in the loss [default: --temperature, and 1 where that is 0]
    #[arg(long)]
    pub loss_temperature: Option<f64>,
    /// Answers to each prompt [default: 1]
    #[arg(long)]
    pub rollouts: Option<usize>,
    /// Optimiser steps on each batch of answers [default: 1]
    #[arg(long, value_name = "N")]
    pub updates_per_batch: Option<usize>,
    /// The largest weight of a token that an older student drew; it acts from the second step on the same answers on
    /// [default: 2]
    #[arg(long)]
    pub importance_clip: Option<f64>,
    /// What has equal weight in a step: answers or tokens [default: answers]
    #[arg(long)]
    pub averaged_over: Option<String>,
    /// Judge the answers to each prompt by math, call, call-half or code, and show the teacher a successful one of the
    /// others in the place of the data set's response [default: none]
    #[arg(long, value_name = "CHECK")]
    pub reward: Option<String>,
    /// From which reward on an answer is a success [default: 1]
    #[arg(long)]
    pub reward_threshold: Option<f64>,
    /// When the teacher is told what is wrong with the answer: never, without-solution (where no other answer is a
    /// success) or always [default: never]
    #[arg(long, value_name = "WHEN")]
    pub reward_feedback: Option<String>,
    /// Let an answer be its own successful one
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub own_solution: Option<bool>,
    /// Leave reasoning (<think>…</think>) out of what is shown
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub remove_reasoning: Option<bool>,
}

/// Settings of an on-policy self-distillation.
#[derive(Args, Debug, Clone, Default, Serialize)]
pub(crate) struct OnlineFlags {
    #[command(flatten)]
    #[serde(flatten)]
    pub model: ModelOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub data: DataOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub teaching: TeachingOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub sampling: SamplingOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub train: TrainOptions,
    /// Seed of the adapter's start, the sample, the order of the prompts, and the draws [default: 42]
    #[arg(help_heading = "Run", long)]
    pub seed: Option<u64>,
    /// Run directory
    #[arg(help_heading = "Run", long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Arguments of `distill-online`.
#[derive(Args, Debug)]
#[command(
    override_usage = "idiolect distill-online --model <MODEL> --data <FILE> --out <FOLDER> [OPTIONS]
       idiolect distill-online --config <FILE> [OPTIONS]"
)]
#[command(after_help = "Examples:
  idiolect distill-online --model M --data train.jsonl --out runs/online
  idiolect distill-online --model M --data train.jsonl --teacher ema --support teacher-top-k --support-top-k 20 --targets all-linear --rank 64 --learning-rate 5e-4 --out runs/ema
  idiolect distill-online --config runs/online/run.toml --resume")]
pub(crate) struct DistillOnline {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub flags: OnlineFlags,
}
