//! Options of text generation.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use clap::Args;
use serde::Serialize;

/// How tokens are drawn.
#[derive(Args, Debug, Clone, Default, Serialize)]
#[command(next_help_heading = "Generation")]
pub(crate) struct DrawOptions {
    /// Sampler whose values the flags below override: greedy, or sdft-2402 (arXiv 2402.13669: temperature 0.95,
    /// top-k 50, top-p 0.7; 512 new tokens, of eval the task's own number) [default: greedy]
    #[arg(long, value_name = "NAME")]
    pub sampler: Option<String>,
    /// 0 takes the likeliest token [default: 0]
    #[arg(long)]
    pub temperature: Option<f32>,
    /// Draw from this many likeliest tokens; 0 is all [default: 0]
    #[arg(long)]
    pub top_k: Option<usize>,
    /// Draw from the smallest set of at least this probability [default: 1]
    #[arg(long)]
    pub top_p: Option<f32>,
    /// Leave out tokens below this share of the likeliest one's probability [default: 0]
    #[arg(long)]
    pub min_p: Option<f32>,
    /// Divide the logits of tokens already there; 1 is off [default: 1]
    #[arg(long)]
    pub repetition_penalty: Option<f32>,
}

/// How text is generated.
#[derive(Args, Debug, Clone, Default, Serialize)]
pub(crate) struct SamplingOptions {
    #[command(flatten)]
    #[serde(flatten)]
    pub draw: DrawOptions,
    /// Most tokens a row may grow by [default: 256]
    #[arg(long)]
    pub max_new_tokens: Option<usize>,
    /// Rows computed together [default: 8]
    #[arg(long)]
    pub generation_batch_size: Option<usize>,
    /// Most tokens a row guesses from its own text and verifies in one pass; 0 is off [default: 4]
    #[arg(long, value_name = "N")]
    pub speculate: Option<usize>,
    /// Compute what prompts begin with in common anew for each
    #[arg(
        long = "no-prefix-sharing",
        num_args = 0,
        default_missing_value = "false"
    )]
    pub prefix_sharing: Option<bool>,
    /// End a row before this text; repeat it for several
    #[arg(long)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
}
