//! The seam to a model: token ids in, logits of the next token out.
//!
//! Padding, caches, devices and positions are the model's own business.

use crate::BoxError;

/// Logits of the next token, one row per text of the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    /// Length of a row: the vocabulary size.
    pub vocab: usize,
    /// The rows one after another.
    pub values: Vec<f32>,
}

impl Logits {
    /// The logits of row `row`.
    ///
    /// # Panics
    ///
    /// Where there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.vocab..(row + 1) * self.vocab]
    }

    /// The logits of row `row`, to change in place.
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.vocab..(row + 1) * self.vocab]
    }
}

/// Anything that continues a batch of token sequences one token at a time.
///
/// The rows of a batch are numbered from 0 in the order of [`NextLogits::prefill`], and renumbered
/// by [`NextLogits::keep`].
pub trait NextLogits {
    /// Size of the vocabulary: the length of a row of logits.
    fn vocab(&self) -> usize;

    /// The most positions a row may have, prompt and new tokens together, where there is a bound.
    fn context(&self) -> Option<usize> {
        None
    }

    /// Begins a new batch, dropping the one before, and gives the logits after each prompt.
    ///
    /// Prompts are never empty but differ in length: the model pads or packs as it likes, and a
    /// row's logits must not depend on the other rows beyond rounding.
    ///
    /// # Errors
    ///
    /// Whatever the model fails with.
    fn prefill(&mut self, prompts: &[Vec<u32>]) -> Result<Logits, BoxError>;

    /// Appends one token to each row and gives the logits after it.
    ///
    /// # Errors
    ///
    /// Whatever the model fails with.
    fn step(&mut self, tokens: &[u32]) -> Result<Logits, BoxError>;

    /// Drops all rows of the batch but `rows`, which ascend and are never all of them nor none.
    ///
    /// # Errors
    ///
    /// Whatever the model fails with.
    fn keep(&mut self, rows: &[usize]) -> Result<(), BoxError>;
}
