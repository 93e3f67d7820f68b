//! One user's turn and the model's answer to it.

use std::ops::ControlFlow;

use idiolect_generate::GenerationSettings;

use super::GenerateRun;
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
        in_pool(|| self.answer(text))
    }

    fn answer(&self, text: &str) -> Result<String, LmError> {
        let prompt = self.prompt_ids(&ModelPrompt::user(text))?;
        let room = self.max_positions().saturating_sub(prompt.len());
        let settings = GenerationSettings {
            max_new_tokens: NEW_TOKENS.min(room).max(1),
            ..GenerationSettings::default()
        };
        let prompt = [ModelPrompt::Tokens(prompt)];
        let go_on = &mut |_: idiolect_generate::GenerationEvent<'_>| ControlFlow::Continue(());
        let done = self.generate(&prompt, &settings, GenerateRun::default(), go_on)?;
        Ok(done.into_iter().map(|row| row.text).collect())
    }
}
