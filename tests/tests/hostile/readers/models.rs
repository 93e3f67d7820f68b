//! Folders of models, GGUF files and adapters.

use std::path::Path;

use idiolect::data::{Example, Message, Role};
use idiolect::embed::Embedder;
use idiolect::lm::{MergeOptions, ModelPrompt, ScoreRow, WeightedAdapter};
use idiolect::tokens::TokenRow;
use idiolect::{BoxError, LanguageModel, Quiet};

use crate::reading::{Reader, any};

pub(super) const READERS: [Reader; 20] = [
    any("config", "model/config.json", score),
    any("config", "model/generation_config.json", score),
    any("tokenizer", "model/tokenizer.json", score),
    any("config", "model/tokenizer_config.json", score),
    any("config", "model/special_tokens_map.json", score),
    any("template", "model/chat_template.jinja", score),
    any(
        "template",
        "model/additional_chat_templates/tool_use.jinja",
        score,
    ),
    any("weights", "model/model.safetensors", score),
    any(
        "weights",
        "sharded/model.safetensors.index.json",
        score_sharded,
    ),
    any(
        "weights",
        "sharded/model-00001-of-00002.safetensors",
        score_sharded,
    ),
    any("native", "native/params.json", score_native),
    any("native", "native/consolidated.safetensors", score_native),
    any("gguf", "model.gguf", gguf),
    any("adapter", "run/adapter/adapter_config.json", merged),
    any("adapter", "run/adapter/adapter_model.safetensors", merged),
    any("template", "run/adapter/template.json", merged),
    any("encoder", "encoder/config.json", embedded),
    any("encoder", "encoder/sentence_bert_config.json", embedded),
    any("encoder", "encoder/tokenizer.json", embedded),
    any("encoder", "encoder/model.safetensors", embedded),
];

fn score(root: &Path, _: &str) -> Result<String, BoxError> {
    scores(&open(root, "model")?)
}

fn score_sharded(root: &Path, _: &str) -> Result<String, BoxError> {
    scores(&open(root, "sharded")?)
}

/// A folder of Mistral's own form, with its tokenizer.
fn score_native(root: &Path, _: &str) -> Result<String, BoxError> {
    scores(&open(root, "native")?)
}

fn gguf(root: &Path, file: &str) -> Result<String, BoxError> {
    let model = LanguageModel::open(&root.join(file).display().to_string())?;
    let row = TokenRow::all_trained(0.into(), vec![1, 3, 4, 3]);
    let scores = model.score(&[row], 1, &Quiet)?;
    Ok(format!("{} {:.5}", model.summary(), scores[0].nll))
}

/// The model of a folder.
pub(super) fn open(root: &Path, folder: &str) -> Result<LanguageModel, BoxError> {
    let folder = root.join(folder).display().to_string();
    Ok(LanguageModel::open(&folder)?)
}

/// What a model is, and its nats of a conversation.
pub(super) fn scores(model: &LanguageModel) -> Result<String, BoxError> {
    let message = |role, content: &str| Message::new(role, content);
    let turns = vec![
        message(Role::User, "Say 1."),
        message(Role::Assistant, "1 it is"),
    ];
    let example = Example::new(0.into(), turns);
    let row = model.score_row(ScoreRow::Example(example))?;
    let prompt = model.prompt_ids(&ModelPrompt::user("Say 2."))?;
    let scores = model.score(&[row], 1, &Quiet)?;
    Ok(format!(
        "{} {prompt:?} {:.5}",
        model.summary(),
        scores[0].nll
    ))
}

/// An adapter's nats, what it moves, and the model that it becomes.
fn merged(root: &Path, _: &str) -> Result<String, BoxError> {
    let model = open(root, "model")?;
    let folder = root.join("run/adapter");
    let tuned = model.load_adapter(&folder)?;
    let text = scores(&tuned)?;
    let shift = model.shift_of(&[WeightedAdapter::whole(&folder)])?;
    let merged = tuned.merge(&root.join("merged"), MergeOptions::default())?;
    Ok(format!("{text} {:?} {merged:?}", shift.rows()))
}

/// The vectors of two sentences.
fn embedded(root: &Path, _: &str) -> Result<String, BoxError> {
    let device = open(root, "model")?.device();
    let embedder = Embedder::load(&root.join("encoder"), &device)?;
    let vectors = embedder.embed(
        &["Say 1.", "", "1 it is, and more than sixteen letters."],
        2,
    )?;
    Ok(format!("{vectors:?}"))
}
