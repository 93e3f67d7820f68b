//! Options of the measurement of forgetting.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

/// How much a training makes the model forget.
#[derive(Args, Debug, Clone, Default, Serialize)]
#[command(next_help_heading = "Forgetting")]
pub(crate) struct ForgettingOptions {
    /// Measure forgetting: how much less likely the base model's own answers to so many prompts become, and plain
    /// text; 0 is off. The answers are drawn once for each base model and kept in the user's cache [default: 64 in
    /// sdft, else 0]
    #[arg(long, value_name = "PROMPTS")]
    pub forgetting: Option<usize>,
    /// Rows with the prompts, the first of which are taken [default: questions that come with the program]
    #[arg(long, value_name = "FILE")]
    pub forgetting_prompts: Option<PathBuf>,
    /// Most tokens of an answer [default: 80]
    #[arg(long, value_name = "TOKENS")]
    pub forgetting_tokens: Option<usize>,
    /// JSON Lines with a field text: plain text that is measured too [default: articles that come with the program]
    #[arg(long, value_name = "FILE")]
    pub forgetting_text: Option<PathBuf>,
    /// End with status 1 where the own answers lose more nats per token than this
    #[arg(long, value_name = "NATS")]
    pub forgetting_limit: Option<f64>,
}
