//! The longest row, and what becomes of longer ones.

use idiolect_lm::LanguageModel;
use idiolect_tokens::{TokenRow, TruncatedRows, Truncation, truncate_rows};

use crate::{FineTuneError, FineTuneSettings};

/// The longest row that is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Most tokens of a row.
    pub(crate) max_length: usize,
    /// What becomes of longer rows.
    pub(crate) truncation: Truncation,
}

impl Limit {
    /// The limit of the settings, or the model's own.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] for a limit above the model's positions.
    pub(crate) fn new(
        model: &LanguageModel,
        settings: &FineTuneSettings,
    ) -> Result<Self, FineTuneError> {
        let most = model.max_positions();
        let max_length = settings.max_length.unwrap_or(most);
        if max_length == 0 || max_length > most {
            let why = model.base_decoder().config.why_no_more();
            let expected = format!("1 to {most}, the model's positions{why}");
            return Err(FineTuneError::setting("max_length", expected, max_length));
        }
        Ok(Self {
            max_length,
            truncation: settings.truncation,
        })
    }

    /// Rows of at most that many tokens.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Lm`] names the row that is too long, where that is an error.
    pub(crate) fn truncate(self, rows: Vec<TokenRow>) -> Result<TruncatedRows, FineTuneError> {
        Ok(truncate_rows(rows, self.max_length, self.truncation)?)
    }
}
