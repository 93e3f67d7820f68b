//! Options of a training run.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;
use idiolect::train::BatchSize;
use serde::Serialize;

use crate::args::{DataOptions, ForgettingOptions, ModelOptions};

/// How an adapter or a model is trained, and how what it does to the model is measured.
#[derive(Args, Debug, Clone, Default, Serialize)]
pub(crate) struct TrainOptions {
    /// Train every weight of the model, not an adapter
    #[arg(help_heading = "Training", long, num_args = 0..=1, default_missing_value = "true")]
    pub full: Option<bool>,
    /// Type on disk of the model that --full writes: f32, bf16 or f16 [default: bf16 with --dtype bf16, else that of the
    /// model's files, and f16 where those are quantised]
    #[arg(help_heading = "Training", long, value_name = "TYPE")]
    pub stored: Option<String>,
    /// Width of the adapter's bottleneck [default: 8]
    #[arg(help_heading = "Adapter", long)]
    pub rank: Option<usize>,
    /// Scale of the update is alpha / rank [default: 16]
    #[arg(help_heading = "Adapter", long)]
    pub alpha: Option<f64>,
    /// Projections with an update: names with commas between, all-linear, or a regular expression that
    /// matches whole paths such as model.layers.0.self_attn.q_proj [default: q_proj,v_proj]
    #[arg(help_heading = "Adapter", long)]
    pub targets: Option<String>,
    /// Projections without an update although --targets chooses them, written as --targets is
    #[arg(help_heading = "Adapter", long, value_name = "TARGETS")]
    pub exclude_modules: Option<String>,
    /// Scale by alpha / sqrt(rank)
    #[arg(help_heading = "Adapter", long, num_args = 0..=1, default_missing_value = "true")]
    pub rslora: Option<bool>,
    /// Give each output of an adapted projection a magnitude of its own (DoRA)
    #[arg(help_heading = "Adapter", long, num_args = 0..=1, default_missing_value = "true")]
    pub dora: Option<bool>,
    /// Give the second factor a bias for each output, as PEFT's lora_bias
    #[arg(help_heading = "Adapter", long, num_args = 0..=1, default_missing_value = "true")]
    pub lora_bias: Option<bool>,
    /// Blocks with an update, from 0, with commas between [default: all]
    #[arg(
        help_heading = "Adapter",
        long,
        value_delimiter = ',',
        value_name = "0,1,2"
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<usize>,
    /// Another rank for some paths, as PATTERN=RANK; repeat it for several, the first that matches holds
    #[arg(help_heading = "Adapter", long, value_name = "PATTERN=RANK")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rank_pattern: Vec<String>,
    /// Another alpha for some paths, as PATTERN=ALPHA
    #[arg(help_heading = "Adapter", long, value_name = "PATTERN=ALPHA")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alpha_pattern: Vec<String>,
    /// Share of an update's inputs left out in each training pass [default: 0]
    #[arg(help_heading = "Adapter", long)]
    pub dropout: Option<f64>,
    /// How the factors start: kaiming, gaussian, pissa or olora [default: kaiming]
    #[arg(help_heading = "Adapter", long)]
    pub init: Option<String>,
    /// Modules trained whole beside the factors: embed_tokens, lm_head, norm (all norms), model.norm (the
    /// last) [default: none, or embed_tokens,lm_head beside --add-tokens]
    #[arg(
        help_heading = "Adapter",
        long,
        value_delimiter = ',',
        value_name = "NAMES"
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modules_to_save: Vec<String>,
    /// Where the embedding is the head as well, train it as both; false makes the head a matrix of its own,
    /// PEFT's default [default: true]
    #[arg(help_heading = "Adapter", long, num_args = 0..=1, default_missing_value = "true")]
    pub ensure_weight_tying: Option<bool>,
    /// New words of the vocabulary, with commas between, recognised wherever the data has them; their rows in
    /// embedding and head start as the mean of the others
    #[arg(
        help_heading = "Adapter",
        long,
        value_delimiter = ',',
        value_name = "WORDS"
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_tokens: Vec<String>,
    /// Learning rate of the second factor, as a multiple of the other's (LoRA+) [default: 1]
    #[arg(help_heading = "Training", long)]
    pub lora_plus_ratio: Option<f64>,
    /// What is minimised over the trained tokens: ce, cross entropy; forward-kl or reverse-kl, the divergence
    /// from the base model, for an --init-adapter; stored-kl, the divergence from the distributions that distill
    /// --logprobs recorded [default: ce]
    #[arg(help_heading = "Training", long)]
    pub loss: Option<String>,
    /// Start from this adapter; it brings every option of its own with it, and others beside it are refused
    #[arg(help_heading = "Adapter", long, value_name = "FOLDER")]
    pub init_adapter: Option<PathBuf>,
    /// Passes over the data [default: 2]
    #[arg(help_heading = "Training", long)]
    pub epochs: Option<usize>,
    /// Rows of a micro-batch; auto is the largest that fits into memory, with as many micro-batches as leave a step the
    /// rows that it has with the default. Of short rows 8, with --accumulation 1, makes the same steps up to twice as fast
    /// [default: 2]
    #[arg(help_heading = "Training", long, value_name = "ROWS|auto")]
    pub batch_size: Option<BatchSize>,
    /// Micro-batches of an optimiser step [default: 4]
    #[arg(help_heading = "Training", long)]
    pub accumulation: Option<usize>,
    /// Devices that share the micro-batches of each step, with commas between, for example cuda:0,cuda:1; each
    /// holds the model, the first has optimiser, checkpoints and evaluations; remote:ID is one of another machine, as
    /// idiolect lend prints it there [default: the one of --device]
    #[arg(
        help_heading = "Training",
        long,
        value_delimiter = ',',
        value_name = "NAMES",
        conflicts_with = "device"
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// Highest learning rate [default: 1e-4]
    #[arg(help_heading = "Training", long)]
    pub learning_rate: Option<f64>,
    /// cosine, linear or constant [default: cosine]
    #[arg(help_heading = "Training", long)]
    pub schedule: Option<String>,
    /// Steps in which the rate rises from 0 [default: 0]
    #[arg(help_heading = "Training", long)]
    pub warmup_steps: Option<usize>,
    /// Decoupled weight decay [default: 0]
    #[arg(help_heading = "Training", long)]
    pub weight_decay: Option<f64>,
    /// Adam's decay of the running mean of gradients [default: 0.9]
    #[arg(help_heading = "Training", long)]
    pub adam_beta1: Option<f64>,
    /// Adam's decay of the running mean of their squares [default: 0.999]
    #[arg(help_heading = "Training", long)]
    pub adam_beta2: Option<f64>,
    /// What Adam adds to the root of that mean [default: 1e-8]
    #[arg(help_heading = "Training", long)]
    pub adam_epsilon: Option<f64>,
    /// Highest norm of a gradient; 0 is off [default: 1]
    #[arg(help_heading = "Training", long)]
    pub clip_norm: Option<f64>,
    /// Most tokens of a row [default: the model's positions]
    #[arg(help_heading = "Training", long)]
    pub max_length: Option<usize>,
    /// What becomes of longer rows: error, drop, cut (at the end), proportional (question and answer, as LLaMA-Factory
    /// cuts them) or share (as it cut them up to version 0.7, and the papers' scripts do) [default: error]
    #[arg(help_heading = "Training", long)]
    pub truncation: Option<String>,
    /// Read and encode the rows of a JSON Lines file as they are needed, in an order by bytes and not by
    /// tokens, instead of holding them in memory: true or false [default: true above 64 MB]
    #[arg(help_heading = "Training", long, num_args = 0..=1, default_missing_value = "true")]
    pub lazy: Option<bool>,
    /// Keep the order of the file
    #[arg(
        help_heading = "Training",
        long = "no-shuffle",
        num_args = 0,
        default_missing_value = "false"
    )]
    pub shuffle: Option<bool>,
    /// Do not put rows of similar length together
    #[arg(
        help_heading = "Training",
        long = "no-length-grouping",
        num_args = 0,
        default_missing_value = "false"
    )]
    pub length_grouping: Option<bool>,
    /// Put several examples into one row of up to --max-length tokens, each of which sees itself alone;
    /// --batch-size then counts such rows
    #[arg(help_heading = "Training", long, num_args = 0..=1, default_missing_value = "true")]
    pub packing: Option<bool>,
    /// Compute blocks a second time in the backward pass to save memory (activation checkpointing): auto, on or
    /// off [default: auto]
    #[arg(help_heading = "Training", long, value_name = "WHEN")]
    pub activation_checkpointing: Option<String>,
    /// Steps between checkpoints; 0 keeps none [default: 50]
    #[arg(help_heading = "Evaluation and checkpoints", long)]
    pub checkpoint_every: Option<usize>,
    /// Checkpoints kept [default: 2]
    #[arg(help_heading = "Evaluation and checkpoints", long)]
    pub keep_checkpoints: Option<usize>,
    /// Optimiser steps of the run, in place of --epochs
    #[arg(help_heading = "Training", long)]
    pub max_steps: Option<usize>,
    /// Write event files for TensorBoard into the run directory's tensorboard/
    #[arg(help_heading = "Evaluation and checkpoints", long, num_args = 0..=1, default_missing_value = "true")]
    pub tensorboard: Option<bool>,
    /// Send loss, rate, gradient norm and held-out loss of each step to an MLflow server as they come
    #[arg(
        help_heading = "Evaluation and checkpoints",
        long,
        value_name = "mlflow:URL"
    )]
    pub track: Option<String>,
    /// Share of the examples held out and evaluated [default: 0]
    #[arg(help_heading = "Evaluation and checkpoints", long)]
    pub validation_share: Option<f64>,
    /// Held-out examples in the format of --data, evaluated and not trained on; sdft needs them, and has the base model
    /// and both adapters answer them
    #[arg(help_heading = "Evaluation and checkpoints", long, value_name = "FILE")]
    pub eval_data: Option<PathBuf>,
    /// Use this many of them, drawn by the seed [default: all]
    #[arg(help_heading = "Evaluation and checkpoints", long)]
    pub eval_sample: Option<usize>,
    /// Steps between evaluations of the held-out examples; 0 is after each epoch [default: 0]
    #[arg(help_heading = "Evaluation and checkpoints", long)]
    pub eval_every: Option<usize>,
    /// Evaluate them before the first step, too
    #[arg(help_heading = "Evaluation and checkpoints", long, num_args = 0..=1, default_missing_value = "true")]
    pub eval_on_start: Option<bool>,
    /// End after this many evaluations in a row without a lower loss
    #[arg(help_heading = "Evaluation and checkpoints", long)]
    pub patience: Option<usize>,
    /// Give the adapter of the lowest held-out loss, not the last one
    #[arg(help_heading = "Evaluation and checkpoints", long, num_args = 0..=1, default_missing_value = "true")]
    pub return_best: Option<bool>,
    #[command(flatten)]
    #[serde(flatten)]
    pub forgetting: ForgettingOptions,
}

/// Settings of a training run.
#[derive(Args, Debug, Clone, Default, Serialize)]
pub(crate) struct TrainFlags {
    #[command(flatten)]
    #[serde(flatten)]
    pub model: ModelOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub data: DataOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub train: TrainOptions,
    /// Seed of the adapter's start, the sample, and the order of the rows [default: 42]
    #[arg(help_heading = "Run", long)]
    pub seed: Option<u64>,
    /// Run directory
    #[arg(help_heading = "Run", long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Where settings come from beside the flags: a file, or the run that is resumed.
#[derive(Args, Debug)]
pub(crate) struct Source {
    /// Flat TOML; its keys are these flags in `snake_case`, and flags win
    #[arg(help_heading = "Run", long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Resume from the latest checkpoint of --out, with the settings in its run.toml where --config names no file
    #[arg(help_heading = "Run", long)]
    pub resume: bool,
}

/// Arguments of `train`.
#[derive(Args, Debug)]
#[command(
    override_usage = "idiolect train --model <MODEL> --data <FILE> --out <FOLDER> [OPTIONS]
       idiolect train --config <FILE> [OPTIONS]"
)]
#[command(after_help = "Examples:
  idiolect train --model models/SmolLM2-135M-Instruct.Q4_1.gguf --data train.jsonl --out runs/plain
  idiolect train --model M --data train.jsonl --eval-data held-out.jsonl --targets all-linear --rank 16 --learning-rate 2e-4 --epochs 3 --out runs/wide
  idiolect train --resume --out runs/plain")]
pub(crate) struct Train {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub flags: TrainFlags,
}
