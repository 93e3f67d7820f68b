//! The adapter that a run trains: a new one by its configuration, or one that was trained before; and the
//! vocabulary that comes with either.

use idiolect_lm::{LanguageModel, adapter_folder};
use idiolect_lora::{LoraAdapter, LoraConfig};
use idiolect_model::Decoder;

use crate::{FineTuneError, FineTuneSettings, Loss};

/// The model with the words that a run adds, or those that the adapter to start from brings. Words that were
/// added to the model before are not added again.
///
/// # Errors
///
/// [`FineTuneError::Lm`] for a word that cannot be added, and for an adapter of another vocabulary.
pub fn with_vocabulary(
    model: &LanguageModel,
    settings: &FineTuneSettings,
) -> Result<LanguageModel, FineTuneError> {
    let model = model.without_adapter();
    if let Some(folder) = &settings.init_adapter {
        return Ok(model.with_words_of(folder)?);
    }
    let known: Vec<&str> = model.added_words().collect();
    let words = settings.add_tokens.iter();
    let new = words.filter(|word| !known.contains(&word.as_str()));
    Ok(model.with_tokens(&new.cloned().collect::<Vec<_>>())?)
}

/// How an adapter starts.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) settings: &'a FineTuneSettings,
    pub(crate) lora: &'a LoraConfig,
    pub(crate) seed: u64,
}

impl Start<'_> {
    /// The adapter of a run of its own model.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Lm`] for settings or a folder that do not fit the model, and for a folder without rows
    /// for every word; [`FineTuneError::Setting`] for a divergence from the base model with modules that train
    /// whole.
    pub(crate) fn adapter(&self, model: &LanguageModel) -> Result<LoraAdapter, FineTuneError> {
        let adapter = self.adapter_on(model.decoder())?;
        if self.settings.init_adapter.is_some() {
            let rows = adapter.decoder(model.decoder()).config.vocab_size;
            model.tokenizer().check_embedding(rows)?;
            let loss = self.settings.loss;
            if loss.divergence().is_some() && !adapter.whole.is_empty() {
                let expected = "ce for an adapter with modules_to_save";
                return Err(FineTuneError::setting("loss", expected, loss));
            }
        }
        if self.settings.loss == Loss::StoredKl && adapter.whole.trains_head() {
            let (expected, found) = ("ce for an adapter that trains the head", Loss::StoredKl);
            return Err(FineTuneError::setting("loss", expected, found));
        }
        Ok(adapter)
    }

    /// The same adapter on the device of a decoder.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Lm`] for settings or a folder that do not fit the decoder.
    pub(crate) fn adapter_on(&self, decoder: &Decoder) -> Result<LoraAdapter, FineTuneError> {
        let device = decoder.device().autodiff();
        if let Some(folder) = &self.settings.init_adapter {
            let adapter = idiolect_lora::load_adapter(&adapter_folder(folder)?, decoder, &device)?;
            adapter.refuse_folded()?;
            return Ok(adapter);
        }
        let config = self.config(decoder.config.tied);
        Ok(LoraAdapter::new(&config, decoder, self.seed, &device)?)
    }

    /// The configuration with the modules that new words need; a head that is the embedding is kept so only
    /// where either trains.
    fn config(&self, tied: bool) -> LoraConfig {
        let mut config = self.lora.clone();
        let names = &mut config.modules_to_save;
        if !self.settings.add_tokens.is_empty() {
            // New words need rows of their own in embedding and head.
            for needed in ["embed_tokens", "lm_head"] {
                if !names.iter().any(|name| name == needed) {
                    names.push(needed.to_owned());
                }
            }
        }
        let trains_words = names.iter().any(|name| !name.ends_with("norm"));
        config.ensure_weight_tying = config.ensure_weight_tying && tied && trains_words;
        config
    }
}
