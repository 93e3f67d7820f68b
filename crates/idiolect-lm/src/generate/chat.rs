//! One user's turn, and the answer of a model or of several to it.

use std::ops::ControlFlow;

use idiolect_generate::GenerationSettings;

use super::{GenerateRun, MixedPrompt};
use crate::device::in_pool;
use crate::rows::ModelPrompt;
use crate::{LanguageModel, LmError};

/// The most new tokens of an answer.
const NEW_TOKENS: usize = 256;

impl LanguageModel {
    /// Answers one user's turn: the likeliest token each time, at most 256 of them, or as many as the model's
    /// positions leave room for.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::generate`]; a turn that leaves no room for an answer is refused.
    pub fn chat(&self, text: &str) -> Result<String, LmError> {
        Ok(Self::chat_each(&[self], text)?.concat())
    }

    /// The answers of several models to the same turn, each as [`LanguageModel::chat`] gives it, and none longer than the model
    /// with the least room for one allows. Models on the same weights are asked together, as in
    /// [`LanguageModel::generate_mixed`].
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::chat`].
    pub fn chat_each(models: &[&Self], text: &str) -> Result<Vec<String>, LmError> {
        in_pool(|| answers(models, text))
    }
}

fn answers(models: &[&LanguageModel], text: &str) -> Result<Vec<String>, LmError> {
    let mut room = NEW_TOKENS;
    let mut prompts = Vec::with_capacity(models.len());
    for model in models {
        let prompt = model.prompt_ids(&ModelPrompt::user(text))?;
        room = room.min(model.max_positions().saturating_sub(prompt.len()));
        prompts.push(MixedPrompt {
            model,
            prompt: ModelPrompt::Tokens(prompt),
        });
    }
    let settings = GenerationSettings {
        max_new_tokens: room.max(1),
        ..GenerationSettings::default()
    };
    let go_on = &mut |_: idiolect_generate::GenerationEvent<'_>| ControlFlow::Continue(());
    let run = GenerateRun::default();
    let done = LanguageModel::generate_mixed(&prompts, &settings, run, go_on)?;
    Ok(done.into_iter().map(|row| row.text).collect())
}
