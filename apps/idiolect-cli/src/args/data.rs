//! Options of the data set.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

/// Which examples.
#[derive(Args, Debug, Clone, Default, Serialize)]
#[command(next_help_heading = "Data")]
pub(crate) struct DataOptions {
    /// Examples in a JSON array, JSON Lines, .csv or .parquet; repeat it for several sets
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<PathBuf>,
    /// How often the rows of each file are used, in the order of --data [default: 1 each]
    #[arg(long, value_delimiter = ',', value_name = "1,0.5")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f64>,
    /// alpaca, sharegpt, messages, prompt-completion, text or tokens; auto tells it by the fields of each file;
    /// FILE.toml describes one of your own [default: auto]
    #[arg(long)]
    pub format: Option<String>,
    /// A row that is not of the format, or that the template does not take: error, or skip, which leaves it out,
    /// counts it and lists it in skipped.jsonl of --out [default: error]
    #[arg(long, value_name = "WHAT")]
    pub bad_rows: Option<String>,
    /// Column of an alpaca row that holds the instruction [default: instruction]
    #[arg(long)]
    pub instruction_column: Option<String>,
    /// Column of an alpaca row that holds the response [default: output]
    #[arg(long)]
    pub response_column: Option<String>,
    /// Use this many examples, drawn by the seed
    #[arg(long)]
    pub sample: Option<usize>,
    /// Template of the conversation: a name, FILE.jinja or FILE.toml [default: the adapter's, else the checkpoint's chat
    /// template, else alpaca]
    #[arg(long)]
    pub template: Option<String>,
}

impl DataOptions {
    /// The options of the data set alone: a template is the model's.
    pub(crate) fn without_template(&self) -> Self {
        Self {
            template: None,
            ..self.clone()
        }
    }
}
