//! Prompts to finished texts: settings with what ends a text of this model, and the loop over them.

use std::ops::ControlFlow;

use idiolect_generate::{
    Generated, GenerationConfig, GenerationEvent, GenerationSettings, Request, Stops, generate,
};

use super::DecoderLogits;
use crate::rows::ModelPrompt;
use crate::{LanguageModel, LmError};

/// What a call of [`LanguageModel::generate`] takes beside its settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GenerateRun {
    /// Random seed, from which the seed of each text comes.
    pub seed: u64,
    /// Go on past tokens that end a text, which then are ordinary tokens of the result.
    pub ignore_eos: bool,
}

impl LanguageModel {
    /// Continues `prompts`; the result has one text for each, in their order, unless `on_event` breaks off.
    ///
    /// # Errors
    ///
    /// [`LmError::Generate`] for settings or prompts that do not fit, and for a model that fails;
    /// [`LmError::Prompt`] and [`LmError::Tokens`] for a conversation that cannot be rendered or encoded.
    pub fn generate(
        &self,
        prompts: &[ModelPrompt],
        settings: &GenerationSettings,
        run: GenerateRun,
        on_event: &mut dyn FnMut(GenerationEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Generated>, LmError> {
        let (requests, config) = self.requests(prompts, settings, run)?;
        self.continue_requests(&requests, &config, on_event)
    }

    /// The settings with the tokens and texts that end a text of this model.
    pub(crate) fn generation_config(&self, settings: &GenerationSettings) -> GenerationConfig {
        let texts = self.template().stop_texts().iter();
        settings.config(Stops {
            tokens: self.stop_tokens(),
            strings: texts.map(ToString::to_string).collect(),
            ignore_eos: false,
        })
    }

    /// Continues requests that bring their own seeds.
    pub(crate) fn continue_requests(
        &self,
        requests: &[Request],
        config: &GenerationConfig,
        on_event: &mut dyn FnMut(GenerationEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Generated>, LmError> {
        let mut model = DecoderLogits::new(self.decoder(), self.adapter());
        let decode = |ids: &[u32]| self.tokenizer().decode(ids, true).map_err(Into::into);
        Ok(generate(&mut model, requests, config, &decode, on_event)?)
    }
}
