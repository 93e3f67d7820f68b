//! A tokenizer back to the text of a `tokenizer.json`, so that it can lie beside what was trained with it.

use crate::{Tokenizer, TokensError};

impl Tokenizer {
    /// The content of a `tokenizer.json`, in one line.
    ///
    /// # Errors
    ///
    /// [`TokensError::Codec`] when `tokenizers` cannot write it.
    pub fn to_json(&self) -> Result<String, TokensError> {
        self.inner
            .to_string(false)
            .map_err(|source| TokensError::Codec { source })
    }
}
