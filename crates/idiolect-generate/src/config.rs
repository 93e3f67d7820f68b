//! How a run generates: what the user set, with the stops of the model.

use crate::{GenerateError, Sampling, Stops};

/// How a run generates, with everything that the model adds: its stop tokens and stop texts.
///
/// What a user sets is [`GenerationSettings`](crate::GenerationSettings).
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationConfig {
    /// How a token is chosen.
    pub sampling: Sampling,
    /// What ends a row early.
    pub stops: Stops,
    /// The most new tokens of a row, at least 1.
    pub max_new_tokens: usize,
    /// The most rows that the model is given at once, at least 1.
    pub batch_size: usize,
    /// Compute what prompts begin with in common once, for all of them.
    pub share_prefixes: bool,
    /// The most tokens that a row guesses from its own text and has verified in one pass; 0 is off.
    /// Rows whose guesses come true guess further, others less, and all of them together no further than
    /// [`NextLogits::cheap_tokens`](crate::NextLogits::cheap_tokens), so that a full batch need not guess.
    ///
    /// A guess counts where the row's own choice confirms it, random draw included, so that a row's
    /// distribution and its random numbers are those of one token a pass.
    pub speculate: usize,
}

impl GenerationConfig {
    /// Refuses settings that are out of range.
    ///
    /// # Errors
    ///
    /// [`GenerateError::Setting`] names the first.
    pub fn check(&self) -> Result<(), GenerateError> {
        let refuse = |name, expected, found: String| {
            Err(GenerateError::Setting {
                name,
                expected,
                found,
            })
        };
        self.sampling.check()?;
        if self.max_new_tokens == 0 {
            return refuse("max_new_tokens", "at least 1", "0".into());
        }
        if self.batch_size == 0 {
            return refuse("batch_size", "at least 1", "0".into());
        }
        if self.stops.strings.iter().any(String::is_empty) {
            return refuse("stops.strings", "no empty string", "\"\"".into());
        }
        Ok(())
    }
}
