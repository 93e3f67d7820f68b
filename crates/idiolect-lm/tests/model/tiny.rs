//! Tiny checkpoints, adapters that PEFT trained for them, and a place for files.

use std::path::PathBuf;

use idiolect_data::{Message, Role};
use idiolect_lm::{LanguageModel, ModelSettings};
use idiolect_testkit::shared;
use idiolect_tokens::TokenRow;

/// The folder of a tiny checkpoint; none where the shared oracles are absent.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    Some(shared()?.join("oracles/tiny").join(name))
}

/// A tiny checkpoint by its name.
pub(crate) fn model(name: &str) -> Option<LanguageModel> {
    let folder = folder(name)?.display().to_string();
    Some(LanguageModel::open(&folder).expect(name))
}

/// The one that most tests use, with a chat template.
pub(crate) fn tiny() -> Option<LanguageModel> {
    model("tiny-llama3")
}

/// Settings of it.
pub(crate) fn settings() -> Option<ModelSettings> {
    let folder = folder("tiny-llama3")?;
    Some(ModelSettings::of(&folder.display().to_string()))
}

/// An adapter of PEFT's for it.
pub(crate) fn peft(name: &str) -> PathBuf {
    let shared = shared().expect("shared");
    let run = shared.join("oracles/peft/tiny-llama3").join(name);
    run.join("adapter_final")
}

pub(crate) fn user(text: &str) -> Vec<Message> {
    vec![message(Role::User, text)]
}

pub(crate) fn message(role: Role, text: &str) -> Message {
    Message::new(role, text)
}

/// Rows of several lengths, of which the second half is trained.
pub(crate) fn rows(count: u32) -> Vec<TokenRow> {
    let row = |number: u32| {
        let length = 6 + number * 5 % 11;
        let input_ids: Vec<u32> = (0..length)
            .map(|at| (number * 29 + at * at * 3 + 7) % 380)
            .collect();
        let label = |(at, id): (usize, &u32)| if at < 3 { -100 } else { i64::from(*id) };
        TokenRow {
            id: number.into(),
            labels: input_ids.iter().enumerate().map(label).collect(),
            input_ids,
            teacher: Vec::new(),
        }
    };
    (0..count).map(row).collect()
}

/// The summed loss of a model over some rows.
pub(crate) fn loss(model: &LanguageModel) -> f64 {
    let scores = model.score(&rows(7), 3, &idiolect_completion::Quiet);
    scores.unwrap().iter().map(|row| row.nll).sum()
}
