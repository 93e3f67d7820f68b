//! The seam to a model: token ids in, logits of the next token out.
//!
//! Padding, caches, devices and positions are the model's own business.

use crate::BoxError;

/// Logits of the next token, one row for each place where they were wanted.
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

/// The largest logits of one row, read from where the model computed them.
#[derive(Debug, Clone, PartialEq)]
pub struct Largest {
    /// Tokens with their logits, the largest logit first; equal ones in any order.
    pub entries: Vec<(u32, f32)>,
    /// Whether every logit of the row is a number below plus infinity, those left behind included.
    pub all_finite: bool,
    /// The sum of `exp((logit - largest) / temperature)` over the whole row, to 1e-5 of itself, where
    /// [`Decisive::mass_at`] asked for it.
    pub mass: Option<f64>,
}

/// What decides the choice of a token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decisive {
    /// So many of the row's largest logits.
    pub most: usize,
    /// Beside them the mass of the whole row at this temperature, above 0.
    pub mass_at: Option<f32>,
}

/// What one row of a batch adds in one pass of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowPart<'a> {
    /// The row, below the number given to [`NextLogits::begin`].
    pub row: usize,
    /// Which of the model's [`variants`](NextLogits::variants) the row goes through. Another one than before begins the
    /// row anew.
    pub variant: usize,
    /// Tokens of the row that stay; those behind them are forgotten. 0 begins the row anew.
    pub kept: usize,
    /// Tokens that follow those, at least one: a prompt, the last token chosen, guesses behind it.
    pub tokens: &'a [u32],
    /// Logits are wanted after each of the last `wanted` of `tokens`, at least after the last.
    pub wanted: usize,
}

/// Anything that continues token sequences, several at once.
///
/// It keeps rows, each a sequence of tokens, and whatever it computed of them.
pub trait NextLogits {
    /// Size of the vocabulary: the length of a row of logits.
    fn vocab(&self) -> usize;

    /// The most positions a row may have, prompt and new tokens together, where there is a bound.
    fn context(&self) -> Option<usize> {
        None
    }

    /// How many variants it has, as a model under several adapters; rows of one pass may differ in theirs.
    fn variants(&self) -> usize {
        1
    }

    /// How many tokens a pass may hold and still cost little more than one that holds one.
    ///
    /// Guesses fill a pass up to here and no further. The default is that of a CPU, where the weights of
    /// `SmolLM2` are read once for up to 8 tokens and each one more then costs its share of the arithmetic.
    fn cheap_tokens(&self) -> usize {
        8
    }

    /// Whether tokens that were computed in one row may serve another that begins with them. Not where what a token
    /// becomes depends on how long its row is.
    fn can_share(&self) -> bool {
        true
    }

    /// Forgets what it has and makes room for `rows` rows of at most `tokens` tokens.
    ///
    /// # Errors
    ///
    /// Whatever the model fails with.
    fn begin(&mut self, rows: usize, tokens: usize) -> Result<(), BoxError>;

    /// Makes the first `tokens` tokens of row 0 those of every row.
    ///
    /// # Errors
    ///
    /// Whatever the model fails with.
    fn share(&mut self, tokens: usize) -> Result<(), BoxError>;

    /// Adds tokens to some rows, each at most once and in ascending order, and gives the wanted logits,
    /// part by part.
    ///
    /// Parts differ in length, and a row's logits must not depend on the other rows beyond rounding.
    ///
    /// # Errors
    ///
    /// Whatever the model fails with.
    fn pass(&mut self, parts: &[RowPart<'_>]) -> Result<Logits, BoxError>;

    /// [`NextLogits::pass`] for a caller who needs no more than the largest logits of each row.
    ///
    /// For models whose logits lie in a device's own memory: a row read back whole is a vocabulary long.
    /// `None`, the default, is before anything is added: then [`NextLogits::pass`] is called.
    ///
    /// # Errors
    ///
    /// Whatever the model fails with.
    fn pass_largest(
        &mut self,
        parts: &[RowPart<'_>],
        wanted: Decisive,
    ) -> Result<Option<Vec<Largest>>, BoxError> {
        let _ = (parts, wanted);
        Ok(None)
    }

    /// All logits of one wanted row, counted over the parts, of the last [`NextLogits::pass_largest`].
    ///
    /// Called where equal logits reach beyond those that were given, and to name what is not a number.
    ///
    /// # Errors
    ///
    /// Whatever the model fails with; by default that there was no such pass.
    fn whole(&mut self, row: usize) -> Result<Vec<f32>, BoxError> {
        Err(format!("row {row} of a pass that was never made").into())
    }
}
