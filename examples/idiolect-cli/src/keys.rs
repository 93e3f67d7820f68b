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

pub use training::TrainKeys;

mod training;

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
