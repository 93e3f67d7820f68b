//! How likely a model finds the trained tokens of rows.

use std::cmp::Reverse;

use idiolect_completion::Progress;
use idiolect_data::{Id, id_text};
use idiolect_kernels::chunk_rows;
use idiolect_model::{Adapter, Decoder};
use idiolect_tokens::{TokenBatch, TokenRow};
use serde::Serialize;

use super::batch::{TrainedTokens, adapter_batch, trained_hidden};
use super::head::{head_nll, head_scores};
use crate::device::in_pool;
use crate::{LanguageModel, LmError};

/// Rows computed together: more are a slip.
const MOST_ROWS: usize = 65_536;

/// The score of one row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowScore {
    /// The row's id.
    pub id: Id,
    /// Sum of the negative log-likelihood of the trained tokens, in nats.
    pub nll: f64,
    /// Number of those tokens, after the shift.
    pub tokens: usize,
}

impl RowScore {
    /// Nats per trained token; 0 of a row without any.
    #[must_use]
    pub fn per_token(&self) -> f64 {
        self.nll / self.tokens.max(1) as f64
    }
}

impl LanguageModel {
    /// Scores token rows; the result is in their order. Batches of `batch_size` rows are made of similar
    /// lengths.
    ///
    /// # Errors
    ///
    /// [`LmError::Setting`] for a batch size outside 1 to 65536; [`LmError::Row`] for a row longer than the model's positions;
    /// [`LmError::Tokens`] for a row with ids outside the vocabulary; [`LmError::NotFinite`] for a row whose
    /// likelihood is no number.
    pub fn score(
        &self,
        rows: &[TokenRow],
        batch_size: usize,
        progress: &dyn Progress,
    ) -> Result<Vec<RowScore>, LmError> {
        if batch_size == 0 {
            return Err(LmError::setting("batch_size", "at least 1", 0));
        }
        if batch_size > MOST_ROWS {
            let expected = format!("at most {MOST_ROWS}");
            return Err(LmError::setting("batch_size", expected, batch_size));
        }
        rows.iter().try_for_each(|row| self.scorable(row))?;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|i| Reverse(rows[*i].input_ids.len()));
        let mut scored = vec![None; rows.len()];
        progress.begin("score", rows.len());
        for part in order.chunks(batch_size) {
            let batch: Vec<&TokenRow> = part.iter().map(|i| &rows[*i]).collect();
            let scores = in_pool(|| self.score_batch(&batch));
            for (place, score) in part.iter().zip(scores) {
                finite(&score)?;
                scored[*place] = Some(score);
            }
            progress.advance(part.len());
        }
        progress.end();
        Ok(scored.into_iter().flatten().collect())
    }

    /// Whether a row has tokens of this model, and not more than it has positions.
    ///
    /// # Errors
    ///
    /// [`LmError::Row`] or [`LmError::Tokens`] with the row's id.
    pub(crate) fn scorable(&self, row: &TokenRow) -> Result<(), LmError> {
        self.has_positions(row.input_ids.len())
            .map_err(|error| error.in_row(&row.id))?;
        Ok(row.check(self.decoder().config.vocab_size)?)
    }

    /// Whether the model has positions for so many tokens.
    pub(super) fn has_positions(&self, length: usize) -> Result<(), LmError> {
        let most = self.max_positions();
        if length <= most {
            return Ok(());
        }
        let why = self.decoder().config.why_no_more();
        let expected = format!("at most {most} tokens, the model's positions{why}");
        Err(LmError::setting("length", expected, length))
    }

    fn score_batch(&self, rows: &[&TokenRow]) -> Vec<RowScore> {
        let batch = TokenBatch::new(rows, 0);
        let nll = token_nll(self.decoder(), self.adapter(), &batch);
        let mut nll = nll.into_iter().map(f64::from);
        let one = |row: &&TokenRow| {
            let tokens = row.trained_tokens();
            RowScore {
                id: row.id.clone(),
                nll: nll.by_ref().take(tokens).sum(),
                tokens,
            }
        };
        rows.iter().map(one).collect()
    }
}

fn finite(score: &RowScore) -> Result<(), LmError> {
    if score.nll.is_finite() {
        return Ok(());
    }
    Err(LmError::NotFinite {
        row: id_text(&score.id),
        found: score.nll,
    })
}

/// Negative log-likelihood in nats of every trained token of a batch, row by row.
#[must_use]
pub fn token_nll(decoder: &Decoder, adapter: &dyn Adapter, batch: &TokenBatch) -> Vec<f32> {
    let TrainedTokens { positions, targets } = TrainedTokens::new(batch);
    if targets.is_empty() {
        return Vec::new();
    }
    let batch = adapter_batch(decoder, batch, positions, 0);
    let hidden = trained_hidden(decoder, adapter, &batch);
    let head = decoder.head();
    head_nll(&hidden, &targets, &head, chunk_rows(&head))
}

/// Negative log-likelihood in nats of every trained token, and whether it is the likeliest, row by row.
#[must_use]
pub fn token_scores(
    decoder: &Decoder,
    adapter: &dyn Adapter,
    batch: &TokenBatch,
) -> Vec<(f32, bool)> {
    let TrainedTokens { positions, targets } = TrainedTokens::new(batch);
    if targets.is_empty() {
        return Vec::new();
    }
    let batch = adapter_batch(decoder, batch, positions, 0);
    let hidden = trained_hidden(decoder, adapter, &batch);
    let head = decoder.head();
    let scores = head_scores(&hidden, &targets, &head, chunk_rows(&head));
    scores.nll.into_iter().zip(scores.correct).collect()
}
