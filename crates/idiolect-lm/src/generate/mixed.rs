//! Prompts for several models on the same weights in one batch: each row goes through its own adapter, or none.
//!
//! The weights are read once for all rows, whichever adapters they have; each text is the one that its model writes alone.

use std::ops::ControlFlow;
use std::sync::Arc;

use idiolect_generate::{Generated, GenerationEvent, GenerationSettings, Request, generate};

use super::{DecoderLogits, GenerateRun};
use crate::rows::ModelPrompt;
use crate::{LanguageModel, LmError};

/// A prompt and the model that continues it.
#[derive(Debug, Clone)]
pub struct MixedPrompt<'a> {
    /// A model with an adapter on, or the base model.
    pub model: &'a LanguageModel,
    /// What it continues.
    pub prompt: ModelPrompt,
}

impl LanguageModel {
    /// Continues each prompt with the model beside it; the result has one text for each, in their order, unless
    /// `on_event` breaks off. A text is that of [`LanguageModel::generate`] for the same prompts and seed, up to rounding,
    /// by which texts in a half type may differ.
    ///
    /// Models that were made of one by putting adapters on share batches. Those with other weights (of another model, or
    /// with modules that an adapter trained whole) and those that end texts otherwise are continued behind one another.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::generate`].
    pub fn generate_mixed(
        prompts: &[MixedPrompt<'_>],
        settings: &GenerationSettings,
        run: GenerateRun,
        on_event: &mut dyn FnMut(GenerationEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Generated>, LmError> {
        settings.check()?;
        let mut done = Vec::with_capacity(prompts.len());
        let mut flow = ControlFlow::Continue(());
        for batch in batches(prompts, run)? {
            let mut tell = |event: GenerationEvent<'_>| {
                flow = on_event(event);
                flow
            };
            done.extend(batch.run(settings, run, &mut tell)?);
            if flow.is_break() {
                break;
            }
        }
        done.sort_unstable_by_key(|row| row.index);
        Ok(done)
    }

    /// Whether rows of both can stand in one batch.
    fn shares_batches(&self, other: &Self) -> bool {
        if std::ptr::eq(self, other) {
            return true;
        }
        let has_own = |model: &Self| model.lora().is_some_and(|lora| !lora.whole.is_empty());
        let same_weights = Arc::ptr_eq(&self.source, &other.source)
            && self.device() == other.device()
            && self.words == other.words
            && !has_own(self)
            && !has_own(other);
        same_weights
            && self.stop_tokens() == other.stop_tokens()
            && self.template().stop_texts() == other.template().stop_texts()
    }
}

/// Rows that are generated together.
struct Batch<'a> {
    /// A model for each variant.
    models: Vec<&'a LanguageModel>,
    requests: Vec<Request>,
}

/// The prompts as requests, numbered through, in as few batches as their models allow.
fn batches<'a>(prompts: &[MixedPrompt<'a>], run: GenerateRun) -> Result<Vec<Batch<'a>>, LmError> {
    let mut batches: Vec<Batch<'a>> = Vec::new();
    for (index, MixedPrompt { model, prompt }) in prompts.iter().enumerate() {
        let fits = |batch: &Batch<'a>| batch.models[0].shares_batches(model);
        let place = batches.iter().position(fits).unwrap_or(batches.len());
        if place == batches.len() {
            batches.push(Batch {
                models: vec![model],
                requests: Vec::new(),
            });
        }
        let batch = &mut batches[place];
        let same = |other: &&LanguageModel| std::ptr::eq(*other, *model);
        let variant = batch.models.iter().position(same);
        let variant = variant.unwrap_or_else(|| {
            batch.models.push(model);
            batch.models.len() - 1
        });
        batch.requests.push(Request {
            index,
            prompt: model.prompt_ids(prompt)?,
            seed: Request::row_seed(run.seed, index),
            variant,
        });
    }
    Ok(batches)
}

impl Batch<'_> {
    fn run(
        &self,
        settings: &GenerationSettings,
        run: GenerateRun,
        on_event: &mut dyn FnMut(GenerationEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Generated>, LmError> {
        let first = self.models[0];
        let adapters = self.models.iter().map(|model| model.adapter()).collect();
        let mut logits = DecoderLogits::with_variants(first.decoder(), adapters);
        let mut config = first.generation_config(settings);
        config.stops.ignore_eos = run.ignore_eos;
        let decode = |ids: &[u32]| first.tokenizer().decode(ids, true).map_err(Into::into);
        Ok(generate(
            &mut logits,
            &self.requests,
            &config,
            &decode,
            on_event,
        )?)
    }
}
