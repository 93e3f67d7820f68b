//! `idiolect continue`: documents in, training rows of halves that a teacher continued out.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;
use idiolect::continuation::{
    BoxError, Completion, ContinuationRequest, Settings, Target, TextToText, continue_corpus,
};
use serde::{Deserialize, Serialize};

use crate::args;
use crate::device::on_threads;
use crate::error::CliError;
use crate::halving;
use crate::keys::{ModelKeys, SamplingKeys};
use crate::server::ServerKeys;
use crate::settings;
use crate::teaching::{AnyTeacher, Teaching};

/// Settings of halving and continuing.
#[derive(Args, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Keys {
    /// Documents: JSON Lines, a text file, or a folder of them; plain, gzip or zstd
    #[arg(long, value_name = "PATH")]
    pub corpus: Option<PathBuf>,
    /// What its files are: rows (JSON Lines), text (a file is a document) or lines (a line is one)
    /// [default: by name and first byte]
    #[arg(long)]
    pub kind: Option<String>,
    /// Field of a row that holds its text [default: text]
    #[arg(long)]
    pub text_field: Option<String>,
    /// Field of a row that holds its id [default: id, and FILE:LINE for rows without it]
    #[arg(long)]
    pub id_field: Option<String>,
    /// Settings of the paper (arXiv 2409.00096): nift-2409, nift-2409/claude with its system prompt, or
    /// nift-2409/original, its control; flags and a configuration file win
    #[arg(long)]
    pub preset: Option<String>,
    /// Documents drawn by the seed; all of a smaller corpus
    #[arg(long)]
    pub documents: Option<usize>,
    /// Fewest words of a document that may be drawn [default: 8]
    #[arg(long)]
    pub min_words: Option<usize>,
    /// Most words of a document that may be drawn [default: no bound]
    #[arg(long)]
    pub max_words: Option<usize>,
    /// Who continues: local:MODEL, a folder, a .gguf file or a name on the Hub; or openai:URL, an
    /// OpenAI-compatible server
    #[arg(long, value_name = "local:MODEL|openai:URL")]
    pub teacher: Option<String>,
    /// PEFT folder: a local teacher writes with this adapter on
    #[arg(long)]
    pub adapter: Option<PathBuf>,
    /// Who judges, in the same form; it writes at most 8 tokens, the likeliest [default: the teacher]
    #[arg(long, value_name = "local:MODEL|openai:URL")]
    pub judge: Option<String>,
    /// Name of the judge's model on its server [default: the only one that it serves]
    #[arg(long, value_name = "NAME")]
    pub judge_model: Option<String>,
    /// How the teacher is shown the half: chat, a user's turn; or raw, text to go on from [default: chat]
    #[arg(long)]
    pub shown: Option<String>,
    /// System prompt before the user's turn [default: none]
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
    /// What is trained: teacher, what it wrote; or original, the document's own second part, for which no
    /// teacher is asked [default: teacher]
    #[arg(long)]
    pub target: Option<String>,
    /// Texts that make no row, with commas between: empty, unfinished, capital (begins with a capital letter
    /// where the original does not), instructional and conversational (a judge says so), or none
    /// [default: empty]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub filters: Vec<String>,
    /// Form of the training rows: messages, whose text alone is trained with template vanilla; or text, all
    /// of which is trained [default: messages]
    #[arg(long)]
    pub rows: Option<String>,
    /// Documents in memory at a time [default: 1024]
    #[arg(long)]
    pub window: Option<usize>,
    /// Where a local teacher computes: flex (this CPU), cuda, cuda:1, vulkan, wgpu, metal [default: flex]
    #[arg(long)]
    pub device: Option<String>,
    /// Its type of weights and activations: f32, bf16, f16 [default: f32]
    #[arg(long)]
    pub dtype: Option<String>,
    /// Threads of the CPU [default: all cores]
    #[arg(long)]
    pub threads: Option<usize>,
    /// Template of a local teacher's chats [default: the checkpoint's chat template, else alpaca]
    #[arg(long)]
    pub template: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub server: ServerKeys,
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub sampling: SamplingKeys,
    /// Seed of the sample, the cuts and the draws [default: 42]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Folder of journal, rows and summary; the same command goes on where it was killed
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// The presets by name.
const PRESETS: [(&str, &str); 3] = [
    ("nift-2409", include_str!("../../presets/nift-2409.toml")),
    (
        "nift-2409/claude",
        include_str!("../../presets/nift-2409-claude.toml"),
    ),
    (
        "nift-2409/original",
        include_str!("../../presets/nift-2409-original.toml"),
    ),
];

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of settings, corpus, teacher and writing.
pub fn run(args: &args::Continue) -> Result<(), CliError> {
    let keys: Keys = settings::resolve(&args.keys, args.config.as_deref())?;
    let keys = match &keys.preset {
        Some(name) => settings::overlay(&keys, Some(preset(name)?))?,
        None => keys,
    };
    on_threads(keys.threads, || work(&keys))
}

fn preset(name: &str) -> Result<(&'static str, &'static str), CliError> {
    let found = PRESETS.iter().find(|(known, _)| *known == name);
    let unknown = || {
        let names: Vec<_> = PRESETS.iter().map(|(name, _)| *name).collect();
        CliError::setting("--preset", names.join(", "), name)
    };
    found.copied().ok_or_else(unknown)
}

fn work(keys: &Keys) -> Result<(), CliError> {
    let missing = |name, what: &str| CliError::setting(name, what, "nothing");
    let out = keys.out.as_deref();
    let out = out.ok_or_else(|| missing("--out", "a folder"))?;
    let corpus = halving::corpus(keys)?;
    let mut settings = halving::settings(keys)?;
    let mut teacher = teacher(keys, &settings)?;
    let mut judge = judge(keys, &settings)?;
    if let Some(teacher) = &teacher {
        settings.teacher = teacher.writer().into();
    }
    let judging = judge.as_ref().or(teacher.as_ref());
    if let Some(judge) = judging {
        settings.judge = judge.writer().into();
    }
    let writer: &mut dyn TextToText = match &mut teacher {
        Some(teacher) => teacher,
        None => &mut Nobody,
    };
    let other = judge.as_mut().map(|judge| judge as &mut dyn TextToText);
    let done = continue_corpus(&corpus, &settings, writer, other, out);
    for teacher in [&teacher, &judge].into_iter().flatten() {
        teacher.tell();
    }
    crate::rows::write_lines(None, &[done?.summary])
}

/// The teacher, where one is asked: for the texts, or as the judge of original ones.
fn teacher(keys: &Keys, settings: &Settings) -> Result<Option<AnyTeacher>, CliError> {
    let judges = is_judged(settings) && keys.judge.is_none();
    if settings.target == Target::Original && !judges {
        return Ok(None);
    }
    let missing = || CliError::setting("--teacher", "local:MODEL or openai:URL", "nothing");
    let name = keys.teacher.as_deref().ok_or_else(missing)?;
    let teaching = teaching(keys, &keys.server, &keys.sampling);
    let opened = teaching.open("--teacher", name, keys.adapter.as_deref())?;
    Ok(Some(opened))
}

fn judge(keys: &Keys, settings: &Settings) -> Result<Option<AnyTeacher>, CliError> {
    let Some(name) = keys.judge.as_deref().filter(|_| is_judged(settings)) else {
        return Ok(None);
    };
    let short = SamplingKeys {
        max_new_tokens: Some(8),
        generation_batch_size: keys.sampling.generation_batch_size,
        ..SamplingKeys::default()
    };
    let server = ServerKeys {
        server_model: keys.judge_model.clone(),
        ..keys.server.clone()
    };
    let opened = teaching(keys, &server, &short).open("--judge", name, None)?;
    Ok(Some(opened))
}

fn is_judged(settings: &Settings) -> bool {
    settings.filters.instructional || settings.filters.conversational
}

fn teaching<'a>(
    keys: &'a Keys,
    server: &'a ServerKeys,
    sampling: &'a SamplingKeys,
) -> Teaching<'a> {
    Teaching {
        model: ModelKeys {
            model: None,
            device: keys.device.clone(),
            dtype: keys.dtype.clone(),
            threads: keys.threads,
            quantize: None,
        },
        template: keys.template.as_deref(),
        server,
        sampling,
        seed: keys.seed.unwrap_or(42),
    }
}

/// For runs that ask nobody.
struct Nobody;

impl TextToText for Nobody {
    fn complete(
        &mut self,
        _: &[ContinuationRequest],
        _: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        Err("no teacher is named".into())
    }
}
