//! How likely each token of a prompt is, and which tokens are likeliest in its place.
//!
//! `log p(token) = logit - logsumexp(logits)`, before temperature and penalties. Logits are computed and read in chunks
//! of rows: `[tokens, vocab]` never exists whole.

use idiolect_data::Id;
use idiolect_kernels::{CHUNK_ROWS, linear_of_rows, row_chunks};
use idiolect_tokens::{TokenBatch, TokenRow};
use rayon::prelude::*;

use super::batch::{adapter_batch, trained_hidden};
use crate::device::in_pool;
use crate::{LanguageModel, LmError};

/// A token of the vocabulary with its log-probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankedToken {
    /// Its id.
    pub token: u32,
    /// Natural logarithm of its probability, at most 0.
    pub log_probability: f32,
}

/// How likely a token is behind those before it.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenScore {
    /// The token.
    pub own: RankedToken,
    /// The likeliest tokens in its place, the likeliest first, of equal ones the lower id; as many as were asked for.
    pub likeliest: Vec<RankedToken>,
}

/// What a pass over a prompt gave.
pub(crate) struct ReadPrompt<T = TokenScore> {
    /// Of each token but the first.
    pub(crate) scores: Vec<T>,
    /// Logits of the token behind the prompt.
    pub(crate) next: Vec<f32>,
}

/// What is said of a token: of its place, the logits there, and the token itself.
pub(super) type ScoreOf<'a, T> = dyn Fn(usize, &[f32], u32) -> Result<T, LmError> + Sync + 'a;

impl LanguageModel {
    /// How likely each token of `ids` but the first is behind those before it, with the `most` likeliest in its place.
    ///
    /// # Errors
    ///
    /// [`LmError::Setting`] for no token or more than the model's positions; [`LmError::Tokens`] for ids outside the
    /// vocabulary; [`LmError::NotFinite`] for logits that are no numbers.
    pub fn prompt_scores(&self, ids: &[u32], most: usize) -> Result<Vec<TokenScore>, LmError> {
        in_pool(|| self.read_prompt(ids, most)).map(|read| read.scores)
    }

    /// [`LanguageModel::prompt_scores`] of the tokens behind a prompt alone, in one pass over both.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::prompt_scores`].
    pub fn answer_scores(
        &self,
        prompt: &[u32],
        answer: &[u32],
        most: usize,
    ) -> Result<Vec<TokenScore>, LmError> {
        self.at_answer(prompt, answer, &|_, logits, token| {
            score_of(logits, token, most)
        })
    }

    /// What `score` says of each token behind a prompt, which it is given with its place behind it and the logits there.
    pub(super) fn at_answer<T: Send>(
        &self,
        prompt: &[u32],
        answer: &[u32],
        score: &ScoreOf<'_, T>,
    ) -> Result<Vec<T>, LmError> {
        let Some(from) = prompt.len().checked_sub(1) else {
            return Err(LmError::setting("prompt", "at least one token", "none"));
        };
        let ids = [prompt, answer].concat();
        in_pool(|| self.read_from(&ids, from, score)).map(|read| read.scores)
    }

    /// [`LanguageModel::prompt_scores`] with the logits behind the prompt.
    pub(crate) fn read_prompt(&self, ids: &[u32], most: usize) -> Result<ReadPrompt, LmError> {
        self.read_from(ids, 0, &|_, logits, token| score_of(logits, token, most))
    }

    /// The scores of the tokens behind place `from`, and the logits behind the last.
    fn read_from<T: Send>(
        &self,
        ids: &[u32],
        from: usize,
        score: &ScoreOf<'_, T>,
    ) -> Result<ReadPrompt<T>, LmError> {
        let row = TokenRow::all_trained(Id::from(0), ids.to_vec());
        self.has_positions(row.input_ids.len())?;
        row.check(self.decoder().config.vocab_size)?;
        if ids.is_empty() {
            return Err(LmError::setting("prompt", "at least one token", "none"));
        }
        let batch = TokenBatch::new(&[&row], 0);
        let positions: Vec<i64> = (0..).take(ids.len()).skip(from).collect();
        let batch = adapter_batch(self.decoder(), &batch, positions, 0);
        let hidden = trained_hidden(self.decoder(), self.adapter(), &batch);
        let head = self.decoder().head();
        // What follows the last token is not known; its logits are handed over whole.
        let targets: Vec<i64> = ids[from + 1..]
            .iter()
            .map(|id| i64::from(*id))
            .chain([0])
            .collect();
        let vocab = self.decoder().config.vocab_size;
        let (mut scores, mut next) = (Vec::with_capacity(targets.len()), Vec::new());
        for (chunk, targets) in row_chunks(hidden, &targets, CHUNK_ROWS) {
            let logits: Vec<f32> = linear_of_rows(chunk, head.clone())
                .into_data()
                .iter()
                .collect();
            let first = scores.len();
            let rows = logits.par_chunks_exact(vocab).zip(targets).enumerate();
            let scored = rows.map(|(at, (logits, target))| {
                let token = u32::try_from(*target).unwrap_or_default();
                score(first + at, logits, token)
            });
            scores.extend(scored.collect::<Result<Vec<_>, _>>()?);
            next = logits[logits.len() - vocab..].to_vec();
        }
        scores.truncate(ids.len() - 1 - from);
        Ok(ReadPrompt { scores, next })
    }
}

/// The score of `token` by the logits of its place, and the `most` likeliest there.
pub(crate) fn score_of(logits: &[f32], token: u32, most: usize) -> Result<TokenScore, LmError> {
    let log_sum = log_sum(logits, token)?;
    let ranked = |token| ranked(logits, log_sum, token);
    Ok(TokenScore {
        own: ranked(token),
        likeliest: largest(logits, most).into_iter().map(ranked).collect(),
    })
}

/// The logarithm of the sum of all exponentials, finite; `token` is for the error.
pub(super) fn log_sum(logits: &[f32], token: u32) -> Result<f64, LmError> {
    let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits
        .iter()
        .map(|logit| f64::from(logit - best).exp())
        .sum();
    let log_sum = f64::from(best) + sum.ln();
    if log_sum.is_finite() {
        return Ok(log_sum);
    }
    Err(LmError::NotFinite {
        row: format!("the token {token}"),
        found: log_sum,
    })
}

/// A token with its log-probability.
pub(super) fn ranked(logits: &[f32], log_sum: f64, token: u32) -> RankedToken {
    let logit = logits.get(token as usize).copied();
    let value = f64::from(logit.unwrap_or(f32::NEG_INFINITY)) - log_sum;
    #[allow(clippy::cast_possible_truncation, reason = "the precision of logits")]
    let log_probability = (value as f32).max(f32::MIN);
    RankedToken {
        token,
        log_probability,
    }
}

/// The ids of the `most` largest logits, the largest first, of equal ones the lower id.
pub(super) fn largest(logits: &[f32], most: usize) -> Vec<u32> {
    let mut found: Vec<(u32, f32)> = Vec::with_capacity(most + 1);
    for (token, &logit) in (0_u32..).zip(logits) {
        let is_below = |entry: &(u32, f32)| entry.1 < logit;
        if found.len() == most && !found.last().is_some_and(is_below) {
            continue;
        }
        let place = found.partition_point(|entry| !is_below(entry));
        found.insert(place, (token, logit));
        found.truncate(most);
    }
    found.into_iter().map(|entry| entry.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up_and_equal_logits_have_the_lower_id_first() {
        let logits = [1.0, 3.0, 2.0, 3.0, f32::NEG_INFINITY];
        let score = score_of(&logits, 2, 3).unwrap();
        let ids: Vec<u32> = score.likeliest.iter().map(|entry| entry.token).collect();
        assert_eq!(ids, [1, 3, 2]);
        assert_eq!(score.likeliest[2], score.own);
        let all = score_of(&logits, 0, 9).unwrap().likeliest;
        let sum: f64 = all
            .iter()
            .map(|entry| f64::from(entry.log_probability).exp())
            .sum();
        assert!((sum - 1.0).abs() < 1e-6 && all.len() == 5, "{sum}");
        assert!(score_of(&logits, 1, 0).unwrap().likeliest.is_empty());
    }

    #[test]
    fn what_is_no_number_has_no_score() {
        for wrong in [f32::NAN, f32::INFINITY] {
            assert!(matches!(
                score_of(&[0.0, wrong], 0, 1),
                Err(LmError::NotFinite { .. })
            ));
        }
    }
}
