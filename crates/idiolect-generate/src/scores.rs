//! What a pass gave of each row, whole logits or the largest of them, and the choice from either.
//!
//! The largest are asked for where they decide: greedily, with top-k, and mostly with top-p or min-p. The choice, its
//! random draw included, is that from whole logits.

use crate::row::Row;
use crate::{BoxError, GenerateError, Largest, Logits, NextLogits, RowPart, Sampling};

pub(crate) enum Scores {
    Whole(Logits),
    Largest(Vec<Largest>),
}

impl Scores {
    /// A pass that reads back no more than the choice needs, where the model can tell it apart.
    pub(crate) fn pass(
        model: &mut dyn NextLogits,
        parts: &[RowPart<'_>],
        sampling: &Sampling,
    ) -> Result<Self, BoxError> {
        if let Some(wanted) = sampling.decisive()
            && wanted.most <= model.vocab()
            && let Some(rows) = model.pass_largest(parts, wanted)?
        {
            return Ok(Self::Largest(rows));
        }
        Ok(Self::Whole(model.pass(parts)?))
    }

    /// Refuses scores of another shape than `rows` rows over the vocabulary.
    pub(crate) fn check(
        &self,
        vocab: usize,
        step: usize,
        rows: usize,
    ) -> Result<(), GenerateError> {
        let found = match self {
            Self::Whole(logits) => (logits.values.len(), logits.vocab),
            Self::Largest(found) => (found.len() * vocab, vocab),
        };
        check_shape(found, vocab, step, rows)
    }

    /// The next token of `row`, from the scores at `place`.
    pub(crate) fn choose(
        &mut self,
        model: &mut dyn NextLogits,
        row: &mut Row,
        place: usize,
        sampling: &Sampling,
    ) -> Result<u32, GenerateError> {
        let largest = match self {
            Self::Whole(logits) => return row.choose(logits.row_mut(place), sampling),
            Self::Largest(rows) => &rows[place],
        };
        if let Some(token) = row.choose_of(largest, sampling) {
            return Ok(token);
        }
        let (index, step) = (row.index, row.new_tokens().len());
        let mut logits = model.whole(place).map_err(|source| GenerateError::Model {
            index,
            step,
            source,
        })?;
        check_shape((logits.len(), logits.len()), model.vocab(), step, 1)?;
        row.choose(&mut logits, sampling)
    }
}

/// Refuses (values, length of a row) that are not `rows` rows over the vocabulary.
fn check_shape(
    (found, found_vocab): (usize, usize),
    vocab: usize,
    step: usize,
    rows: usize,
) -> Result<(), GenerateError> {
    if found_vocab == vocab && found == rows * vocab {
        return Ok(());
    }
    Err(GenerateError::LogitsShape {
        step,
        rows,
        vocab,
        found,
        found_vocab,
    })
}
