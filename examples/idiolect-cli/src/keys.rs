//! The settings that commands share; each is a flag, and the same in `snake_case` in a configuration file.
//!
//! They are what was typed: nothing is resolved or checked here.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// Which model, and where it computes.
#[derive(Args, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelKeys {
    /// Hugging Face folder, .gguf file, or the name of a model on the Hub
    #[arg(long)]
    pub model: Option<String>,
    /// Where it computes: flex (this CPU), cuda, cuda:1, vulkan, wgpu, metal [default: flex]
    #[arg(long)]
    pub device: Option<String>,
    /// Type of weights and activations: f32, bf16, f16 [default: f32]
    #[arg(long)]
    pub dtype: Option<String>,
    /// Keep the projections in 8 or 4 bits [default: in the type of the rest]
    #[arg(long, value_name = "BITS")]
    pub quantize: Option<u8>,
    /// Threads of the CPU [default: all cores]
    #[arg(long)]
    pub threads: Option<usize>,
}

/// Which examples.
#[derive(Args, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DataKeys {
    /// Examples in a JSON array, JSON Lines, .csv or .parquet; repeat it for several sets
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_many")]
    pub data: Vec<PathBuf>,
    /// Share of each set, in the order of --data [default: by size]
    #[arg(long, value_delimiter = ',')]
    pub weights: Vec<f64>,
    /// alpaca, sharegpt, messages, text or tokens [default: alpaca]
    #[arg(long)]
    pub format: Option<String>,
    /// Column of an alpaca row that holds the instruction [default: instruction]
    #[arg(long)]
    pub instruction_column: Option<String>,
    /// Column of an alpaca row that holds the response [default: output]
    #[arg(long)]
    pub response_column: Option<String>,
    /// Use this many examples, drawn by the seed
    #[arg(long)]
    pub sample: Option<usize>,
    /// Template of the conversation [default: the checkpoint's chat template, else alpaca]
    #[arg(long)]
    pub template: Option<String>,
}

/// A sampler by name, for what flags leave open.
#[derive(ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampler {
    /// The likeliest token each time; 256 new tokens
    #[default]
    Greedy,
    /// arXiv 2402.13669: temperature 0.95, top-k 50, top-p 0.7; 512 new tokens
    #[value(name = "sdft-2402")]
    #[serde(rename = "sdft-2402")]
    Sdft2402,
}

/// How text is generated.
#[derive(Args, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplingKeys {
    /// Sampler whose values the flags below override [default: greedy]
    #[arg(long, value_name = "NAME")]
    pub sampler: Option<Sampler>,
    /// Most tokens a row may grow by [default: 256]
    #[arg(long)]
    pub max_new_tokens: Option<usize>,
    /// 0 takes the likeliest token [default: 0]
    #[arg(long, allow_negative_numbers = true)]
    pub temperature: Option<f32>,
    /// Draw from this many likeliest tokens; 0 is all [default: 0]
    #[arg(long)]
    pub top_k: Option<usize>,
    /// Draw from the smallest set of at least this probability [default: 1]
    #[arg(long, allow_negative_numbers = true)]
    pub top_p: Option<f32>,
    /// Leave out tokens below this share of the likeliest one's probability [default: 0]
    #[arg(long, allow_negative_numbers = true)]
    pub min_p: Option<f32>,
    /// Divide the scores of tokens already there; 1 is off [default: 1]
    #[arg(long, allow_negative_numbers = true)]
    pub repetition_penalty: Option<f32>,
    /// Rows computed together [default: 8]
    #[arg(long)]
    pub generation_batch_size: Option<usize>,
    /// Most tokens a row guesses from its own text and verifies in one pass; 0 is off [default: 4]
    #[arg(long, value_name = "N")]
    pub speculate: Option<usize>,
    /// Compute what prompts begin with in common anew for each
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub no_prefix_sharing: Option<bool>,
    /// End a row before this text; repeat it for several
    #[arg(long)]
    pub stop: Vec<String>,
}

/// How an adapter is trained.
#[derive(Args, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainKeys {
    /// Train every weight of the model, not an adapter
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub full: Option<bool>,
    /// Width of the adapter's bottleneck [default: 8]
    #[arg(long)]
    pub rank: Option<usize>,
    /// Scale of the update is alpha / rank [default: 16]
    #[arg(long, allow_negative_numbers = true)]
    pub alpha: Option<f64>,
    /// Projections with an update: names with commas between, all-linear, or a regular expression that
    /// matches whole paths such as model.layers.0.self_attn.q_proj [default: q_proj,v_proj]
    #[arg(long)]
    pub targets: Option<String>,
    /// Scale by alpha / sqrt(rank)
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub rslora: Option<bool>,
    /// Give each output of an adapted projection a magnitude of its own (DoRA)
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub dora: Option<bool>,
    /// Blocks with an update, from 0 [default: all]
    #[arg(long, value_delimiter = ',')]
    pub layers: Vec<usize>,
    /// Another rank for some paths, as PATTERN=RANK; repeat it for several, the first that matches holds
    #[arg(long, value_name = "PATTERN=RANK")]
    pub rank_pattern: Vec<String>,
    /// Another alpha for some paths, as PATTERN=ALPHA
    #[arg(long, value_name = "PATTERN=ALPHA")]
    pub alpha_pattern: Vec<String>,
    /// Share of an update's inputs left out in each training pass [default: 0]
    #[arg(long, allow_negative_numbers = true)]
    pub dropout: Option<f64>,
    /// How the factors start: kaiming, gaussian or pissa [default: kaiming]
    #[arg(long)]
    pub init: Option<String>,
    /// Modules trained whole beside the factors: embed_tokens, lm_head, norm (all norms), model.norm (the
    /// last) [default: none, or embed_tokens,lm_head beside --add-tokens]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub modules_to_save: Vec<String>,
    /// Where the embedding is the head as well, train it as both; false makes the head a matrix of its own,
    /// PEFT's default [default: true]
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub ensure_weight_tying: Option<bool>,
    /// New words of the vocabulary, with commas between, recognised wherever the data has them; their rows in
    /// embedding and head start as the mean of the others
    #[arg(long, value_delimiter = ',', value_name = "WORDS")]
    pub add_tokens: Vec<String>,
    /// Learning rate of the second factor, as a multiple of the other's (LoRA+) [default: 1]
    #[arg(long, allow_negative_numbers = true)]
    pub lora_plus_ratio: Option<f64>,
    /// What is minimised over the trained tokens: ce, cross entropy; forward-kl or reverse-kl, the divergence
    /// from the seed model, for an --init-adapter [default: ce]
    #[arg(long)]
    pub loss: Option<String>,
    /// Start from this adapter; it brings every option of its own with it
    #[arg(long, value_name = "FOLDER")]
    pub init_adapter: Option<PathBuf>,
    /// Passes over the data [default: 2]
    #[arg(long)]
    pub epochs: Option<usize>,
    /// Rows of a micro-batch [default: 2]
    #[arg(long)]
    pub batch_size: Option<usize>,
    /// Micro-batches of an optimiser step [default: 4]
    #[arg(long)]
    pub accumulation: Option<usize>,
    /// Devices that share the micro-batches of each step, with commas between, for example cuda:0,cuda:1; each
    /// holds the model, the first has optimiser, checkpoints and evaluations [default: the one of --device]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub devices: Vec<String>,
    /// Highest learning rate [default: 1e-4]
    #[arg(long, allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,
    /// cosine, linear or constant [default: cosine]
    #[arg(long)]
    pub schedule: Option<String>,
    /// Steps in which the rate rises from 0 [default: 0]
    #[arg(long)]
    pub warmup_steps: Option<usize>,
    /// Decoupled weight decay [default: 0]
    #[arg(long, allow_negative_numbers = true)]
    pub weight_decay: Option<f64>,
    /// Highest norm of a gradient; 0 is off [default: 1]
    #[arg(long, allow_negative_numbers = true)]
    pub clip_norm: Option<f64>,
    /// Most tokens of a row [default: the model's positions]
    #[arg(long)]
    pub max_length: Option<usize>,
    /// What becomes of longer rows: error, drop or cut [default: error]
    #[arg(long)]
    pub overlong: Option<String>,
    /// Read and encode the rows of a JSON Lines file as they are needed, in an order by bytes and not by
    /// tokens, instead of holding them in memory: true or false [default: true above 64 MB]
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub lazy: Option<bool>,
    /// Keep the order of the file
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub no_shuffle: Option<bool>,
    /// Do not put rows of similar length together
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub no_length_grouping: Option<bool>,
    /// Put several examples into one row of up to --max-length tokens, each of which sees itself alone;
    /// --batch-size then counts such rows
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub packing: Option<bool>,
    /// Recompute blocks on the way back to save memory: auto, on or off [default: auto]
    #[arg(long)]
    pub checkpoint_blocks: Option<String>,
    /// Steps between checkpoints; 0 keeps none [default: 50]
    #[arg(long)]
    pub checkpoint_every: Option<usize>,
    /// Checkpoints kept [default: 2]
    #[arg(long)]
    pub keep_checkpoints: Option<usize>,
    /// End after this many optimiser steps
    #[arg(long)]
    pub max_steps: Option<usize>,
    /// Write event files for TensorBoard into the run directory's tensorboard/
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub tensorboard: Option<bool>,
    /// Share of the examples held out and evaluated [default: 0]
    #[arg(long, allow_negative_numbers = true)]
    pub validation_share: Option<f64>,
    /// Steps between evaluations of the held-out examples; 0 is after each epoch [default: 0]
    #[arg(long)]
    pub eval_every: Option<usize>,
    /// End after this many evaluations in a row without a lower loss
    #[arg(long)]
    pub patience: Option<usize>,
    /// Give the adapter of the lowest held-out loss, not the last one
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub return_best: Option<bool>,
}

/// How answers are rewritten.
#[derive(Args, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DistillKeys {
    /// Distillation template: using, refer or gsm8k in the checkpoint's chat template, or a preset of the
    /// paper's scripts, for example sdft-2402/main/using; unaided shows no reference, and drops rows without
    /// an answer [default: using]
    #[arg(long)]
    pub preset: Option<String>,
    /// What a rewrite must pass: text, math, call, call-half or code [default: text]
    #[arg(long)]
    pub check: Option<String>,
    /// Share of the responses that may be replaced [default: 1]
    #[arg(long, allow_negative_numbers = true)]
    pub mix_ratio: Option<f64>,
    /// What is refused beside that, with commas between: unfinished, empty, echo (of the template's markup),
    /// short, language (another than the original's), or none [default: unfinished,empty,echo in a chat
    /// template, none in a preset of the paper's scripts]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub verdicts: Vec<String>,
    /// Fewest words, in per cent of the original's, for the verdict short [default: 50]
    #[arg(long)]
    pub least_percent: Option<usize>,
}

/// A path, or a list of them.
fn one_or_many<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(PathBuf),
        Many(Vec<PathBuf>),
    }
    Ok(match OneOrMany::deserialize(input)? {
        OneOrMany::One(path) => vec![path],
        OneOrMany::Many(paths) => paths,
    })
}
