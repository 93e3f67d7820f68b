//! Putting adapters on a model and taking them off: from folders, from memory, one or several.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use idiolect_data::content_hash;
use idiolect_lora::{LoraAdapter, ScaledAdapter, Stack, load_adapter};

use super::{Adapted, Adapters, Stacked, WeightedAdapter, adapter_folder, fit};
use crate::text::{TemplateChoice, Text, date_of, larger, template_of};
use crate::{LanguageModel, LmError};

impl LanguageModel {
    /// The base model with an adapter of a PEFT folder on, in the place of what is on now. The directory of a training
    /// run stands for the adapter in it.
    ///
    /// A folder that brings a tokenizer must bring the model's, or one with more words: the same text as other
    /// ids would be another task. The template that it was trained with takes the place of the checkpoint's, unless
    /// a template was chosen.
    ///
    /// # Errors
    ///
    /// [`LmError::Lora`] for a folder that cannot be read or does not fit the model; [`LmError::Setting`] for one
    /// without an adapter; that and [`LmError::Tokens`] for a tokenizer that does not fit.
    pub fn load_adapter(&self, folder: &Path) -> Result<Self, LmError> {
        let folder = &*adapter_folder(folder)?;
        let files = larger(folder, &self.text.tokenizer)?;
        let adapter = load_adapter(folder, &self.decoder, &self.device())?.frozen();
        let hash = OnceLock::from(content_hash(folder)?);
        let decoder = adapter.decoder(&self.decoder);
        let choice = match &self.choice {
            TemplateChoice::Automatic => template_of(folder)?,
            _ => None,
        };
        let date = self.settings.date.or(date_of(folder)?);
        let is_of_day = date.is_none() || date == self.text.date();
        let text = match (files, choice) {
            (None, None) if is_of_day => Arc::clone(&self.text),
            (None, Some(choice)) if is_of_day && self.text.has(&choice) => Arc::clone(&self.text),
            (files, choice) => {
                let mut files = files.unwrap_or_else(|| self.text.files());
                files.date = date.or(files.date);
                let choice = choice.unwrap_or_else(|| self.choice.clone());
                Arc::new(Text::new(files, &decoder.config.eos, &choice)?)
            }
        };
        self.adapted(Adapted {
            adapter,
            decoder,
            text,
            base: self.name().into(),
            revision: self.source.revision.clone(),
            hash,
        })
    }

    /// [`load_adapter`](Self::load_adapter) where a folder is given, else the model as it is.
    ///
    /// # Errors
    ///
    /// As [`load_adapter`](Self::load_adapter).
    pub fn load_optional_adapter(&self, folder: Option<&Path>) -> Result<Self, LmError> {
        folder.map_or_else(|| Ok(self.clone()), |folder| self.load_adapter(folder))
    }

    /// The base model with any number of adapters on that work at the same time, each weighted.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::load_adapter`]; [`LmError::Setting`] for an adapter with words or whole modules of
    /// its own beside others or in part.
    pub fn load_adapters(&self, parts: &[WeightedAdapter]) -> Result<Self, LmError> {
        match parts {
            [] => return Ok(self.without_adapter()),
            [only] if only.is_whole() => return self.load_adapter(&only.folder),
            _ => {}
        }
        let mut stacked = Stacked {
            stack: Stack { parts: Vec::new() },
            hashes: Vec::new(),
        };
        for WeightedAdapter { folder, weight } in parts {
            let folder = &*adapter_folder(folder)?;
            let more = larger(folder, &self.text.tokenizer)?.is_some();
            let part = load_adapter(folder, &self.decoder, &self.device())?;
            if more || !part.whole.is_empty() {
                let expected = "an adapter without modules_to_save beside others or in part";
                return Err(LmError::setting("adapter", expected, folder.display()));
            }
            let (adapter, weight) = (part.frozen(), *weight);
            stacked.stack.parts.push(ScaledAdapter { adapter, weight });
            stacked.hashes.push(content_hash(folder)?);
        }
        Ok(Self {
            adapters: Adapters::Several(Arc::new(stacked)),
            ..self.clone()
        })
    }

    /// The base model with an adapter on that is in memory, as training leaves it, in the place of what is on
    /// now. The model's words must be those that it was trained with.
    ///
    /// # Errors
    ///
    /// [`LmError::Setting`] for an adapter of a model of another shape or on another device;
    /// [`LmError::Tokens`] for one without rows for every word.
    pub fn with_adapter(&self, adapter: &LoraAdapter) -> Result<Self, LmError> {
        let adapter = adapter.clone().frozen();
        fit::check(&adapter, &self.decoder)?;
        let decoder = adapter.decoder(&self.decoder);
        self.adapted(Adapted {
            adapter,
            decoder,
            text: Arc::clone(&self.text),
            base: self.name().into(),
            revision: self.source.revision.clone(),
            hash: OnceLock::new(),
        })
    }

    /// The base model.
    #[must_use]
    pub fn without_adapter(&self) -> Self {
        Self {
            adapters: Adapters::None,
            ..self.clone()
        }
    }

    /// Hash of the adapter's files, or of those that it would be saved as; of several together where there
    /// are several; none for the base model.
    ///
    /// # Errors
    ///
    /// [`LmError::Io`] and [`LmError::Lora`] where an adapter in memory cannot be written to a temporary
    /// folder.
    pub fn adapter_hash(&self) -> Result<Option<String>, LmError> {
        self.adapters.hash()
    }

    fn adapted(&self, one: Adapted) -> Result<Self, LmError> {
        let rows = one.decoder.config.vocab_size;
        one.text.tokenizer.check_embedding(rows)?;
        Ok(Self {
            adapters: Adapters::One(Arc::new(one)),
            ..self.clone()
        })
    }
}
