//! Options of `continue`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{SamplingOptions, ServerOptions};

/// Settings of halving and continuing.
#[derive(Args, Debug, Clone, Default, Serialize)]
pub(crate) struct ContinueFlags {
    /// Documents: JSON Lines, Parquet, a text file, or a folder of them; text plain, gzip or zstd
    #[arg(help_heading = "Corpus", long, value_name = "PATH")]
    pub corpus: Option<PathBuf>,
    /// What its files are: rows (JSON Lines), text (a file is a document) or lines (a line is one)
    /// [default: by name and first byte]
    #[arg(help_heading = "Corpus", long)]
    pub kind: Option<String>,
    /// Field of a row that holds its text [default: text]
    #[arg(help_heading = "Corpus", long)]
    pub text_field: Option<String>,
    /// Field of a row that holds its id [default: id, and FILE:LINE for rows without it]
    #[arg(help_heading = "Corpus", long)]
    pub id_field: Option<String>,
    /// Settings of the paper (arXiv 2409.00096): nift-2409, nift-2409/claude with its system prompt, or
    /// nift-2409/original, its control; flags and a configuration file win
    #[arg(help_heading = "Continuation", long)]
    pub preset: Option<String>,
    /// Documents drawn by the seed; all of a smaller corpus [default: the preset's, where one is named]
    #[arg(help_heading = "Corpus", long)]
    pub documents: Option<usize>,
    /// Fewest words of a document that may be drawn [default: 8]
    #[arg(help_heading = "Corpus", long)]
    pub min_words: Option<usize>,
    /// Most words of a document that may be drawn [default: no bound]
    #[arg(help_heading = "Corpus", long)]
    pub max_words: Option<usize>,
    /// Who continues: local:MODEL, a folder, a .gguf file or a name on the Hub; or openai:URL, an
    /// OpenAI-compatible server
    #[arg(help_heading = "Continuation", long, value_name = "WRITER")]
    pub teacher: Option<String>,
    /// PEFT folder: a local teacher writes with this adapter on
    #[arg(help_heading = "Continuation", long)]
    pub adapter: Option<PathBuf>,
    /// Who judges, in the same form; it writes the likeliest tokens [default: the teacher]
    #[arg(help_heading = "Continuation", long, value_name = "WRITER")]
    pub judge: Option<String>,
    /// Most new tokens of the judge, enough for its one word; one that reasons first needs more [default: 8]
    #[arg(long, value_name = "TOKENS")]
    pub judge_max_new_tokens: Option<usize>,
    /// Name of the judge's model on its server [default: the only one that it serves]
    #[arg(help_heading = "Continuation", long, value_name = "NAME")]
    pub judge_model: Option<String>,
    /// How the teacher is shown the half: chat, a user's turn; or raw, text to go on from [default: chat]
    #[arg(help_heading = "Continuation", long)]
    pub shown: Option<String>,
    /// System prompt before the user's turn [default: none]
    #[arg(help_heading = "Continuation", long, value_name = "TEXT")]
    pub system: Option<String>,
    /// What is trained: teacher, what it wrote; original, the document's own second part; or whole, the document as it
    /// is, in rows of text; for the last two no teacher is asked [default: teacher]
    #[arg(help_heading = "Continuation", long)]
    pub target: Option<String>,
    /// Texts that make no row, with commas between: empty, unfinished, capital (begins with a capital letter
    /// where the original does not), instructional and conversational (a judge says so), or none
    /// [default: empty]
    #[arg(help_heading = "Continuation", long, value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// Form of the training rows: messages, whose text alone is trained with template vanilla; or text, all
    /// of which is trained [default: messages]
    #[arg(help_heading = "Continuation", long)]
    pub rows: Option<String>,
    /// What becomes of reasoning (<think>…</think>) in texts of a server or a local model: remove, which counts it; or keep
    /// [default: remove]
    #[arg(help_heading = "Continuation", long)]
    pub reasoning: Option<String>,
    /// Documents in memory at a time [default: 1024]
    #[arg(help_heading = "Corpus", long)]
    pub window: Option<usize>,
    /// Where a local teacher computes: cpu (also called flex), cuda, cuda:1, vulkan, wgpu, metal [default: cpu]
    #[arg(help_heading = "Model and device", long)]
    pub device: Option<String>,
    /// Its type of weights and activations: f32, bf16, f16 [default: f32 on the CPU, elsewhere that of
    /// the weights]
    #[arg(help_heading = "Model and device", long)]
    pub dtype: Option<String>,
    /// Threads of the CPU [default: all cores]
    #[arg(help_heading = "Model and device", long)]
    pub threads: Option<usize>,
    /// Template of a local teacher's chats [default: the checkpoint's chat template, else alpaca]
    #[arg(help_heading = "Model and device", long)]
    pub template: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub server: ServerOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub sampling: SamplingOptions,
    /// Seed of the sample, the cuts and the draws [default: 42]
    #[arg(help_heading = "Run", long)]
    pub seed: Option<u64>,
    /// Folder of journal, rows and summary; the same command resumes an interrupted run
    #[arg(help_heading = "Run", long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Arguments of `continue`.
#[derive(Args, Debug)]
#[command(
    override_usage = "idiolect continue --corpus <PATH> --documents <N> --teacher <TEACHER> --out <FOLDER> [OPTIONS]
       idiolect continue --corpus <PATH> --preset <PRESET> --teacher <TEACHER> --out <FOLDER> [OPTIONS]
       idiolect continue --config <FILE> [OPTIONS]"
)]
#[command(after_help = "Examples:
  idiolect continue --corpus texts/ --documents 200 --teacher local:models/M.gguf --out runs/halves
  idiolect continue --corpus corpus.jsonl --preset nift-2409 --teacher openai:http://127.0.0.1:8080/v1 --server-model M --out runs/halves
  idiolect continue --corpus texts/ --documents 200 --target original --out runs/originals
  idiolect continue --corpus set.jsonl --documents 200 --text-field output --target whole --filters instructional,conversational --judge local:models/M.gguf --out runs/judged")]
pub(crate) struct Continue {
    /// Flat TOML; its keys are these flags in `snake_case`, and flags win
    #[arg(help_heading = "Run", long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub flags: ContinueFlags,
}
