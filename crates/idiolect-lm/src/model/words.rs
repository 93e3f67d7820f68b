//! A vocabulary that grows: words that a caller adds, and those that an adapter's folder brings with it.
//!
//! Weights of new words are trained and stored by an adapter, or by full fine-tuning; only their start is made
//! here.

use std::path::Path;
use std::sync::Arc;

use super::LanguageModel;
use crate::text::{Text, TextFiles, larger};
use crate::{LmError, adapter_folder};

impl LanguageModel {
    /// The same model with new words, each starting as the mean of all words. They are no special tokens.
    ///
    /// # Errors
    ///
    /// [`LmError::Tokens`] for a word that cannot be added; [`LmError::Setting`] where an adapter is on, whose
    /// vocabulary would be another.
    pub fn with_tokens(&self, words: &[String]) -> Result<Self, LmError> {
        self.refuse_adapters("add_tokens")?;
        if words.is_empty() {
            return Ok(self.clone());
        }
        let mut files = self.text.files();
        let ids = files.tokenizer.add_tokens(words)?;
        self.with_words(files, &ids)
    }

    /// The same model with the words that an adapter's folder has beyond the model's, but without the adapter;
    /// the model itself where it has none.
    ///
    /// # Errors
    ///
    /// [`LmError::Setting`] for a tokenizer that is not the model's with more words, and where an adapter is
    /// on; [`LmError::Tokens`] for one that cannot be read.
    pub fn with_words_of(&self, adapter: &Path) -> Result<Self, LmError> {
        self.refuse_adapters("init_adapter")?;
        let adapter = &*adapter_folder(adapter)?;
        let tokenizer = &self.text.tokenizer;
        let Some(files) = larger(adapter, tokenizer)? else {
            return Ok(self.clone());
        };
        let ids = tokenizer.vocab_size()..files.tokenizer.vocab_size();
        let ids: Vec<u32> = ids.filter_map(|id| u32::try_from(id).ok()).collect();
        self.with_words(files, &ids)
    }

    fn with_words(&self, files: TextFiles, ids: &[u32]) -> Result<Self, LmError> {
        let mut words = self.words.clone();
        words.extend(ids.iter().map(|id| {
            let word = files.tokenizer.token(*id).unwrap_or_default();
            (*id, word)
        }));
        let decoder = self.decoder.clone().with_tokens(ids);
        let text = Text::new(files, &decoder.config.eos, &self.choice)?;
        Ok(Self {
            decoder,
            text: Arc::new(text),
            words,
            ..self.clone()
        })
    }

    fn refuse_adapters(&self, setting: &str) -> Result<(), LmError> {
        match self.adapters.count() {
            0 => Ok(()),
            count => {
                let expected = "a model without an adapter on";
                Err(LmError::setting(setting, expected, format!("{count} on")))
            }
        }
    }
}
