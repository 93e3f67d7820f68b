//! The loss on plain text, before and after: PEFT's measure of forgetting.
//!
//! Source: `calculate_mean_per_token_loss` in `method_comparison/MetaMathQA/run.py` of PEFT. Each text is encoded as
//! the tokenizer does (with a beginning of text where it has one) and cut to 768 tokens; the loss is the mean over
//! all tokens of all texts but the first of each, and forgetting is the loss after training less the loss before.

use std::path::Path;

use idiolect_completion::Progress;
use idiolect_lm::LanguageModel;
use idiolect_tokens::TokenRow;
use serde::{Deserialize, Serialize};

use crate::ForgettingError;
use crate::prompts::texts;
use crate::rise::{Rise, TokenRise};

/// The most tokens of a text.
const LONGEST: usize = 768;
/// Texts that are computed together.
const GROUP: usize = 4;

/// The texts as tokens, and the base model's loss on each.
#[derive(Debug, Clone)]
pub(crate) struct PlainText {
    rows: Vec<TokenRow>,
    base_nll: Vec<f64>,
}

/// The rise of the loss on plain text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlainTextRise {
    /// Texts.
    pub texts: usize,
    /// Their tokens, without the first of each.
    pub tokens: usize,
    /// The base model's loss in nats per token.
    pub before: f64,
    /// The tuned model's.
    pub after: f64,
    /// The difference, with its interval over the texts.
    pub rise: Rise,
}

impl PlainText {
    /// Encodes the texts of a file, or those of the crate, and measures the base model on them.
    pub(crate) fn of(
        base: &LanguageModel,
        own: Option<&Path>,
        progress: &dyn Progress,
    ) -> Result<Self, ForgettingError> {
        let most = LONGEST.min(base.max_positions());
        let encode = |(place, text): (usize, String)| base.text_row(place.into(), &text, most);
        let rows = texts(own)?.into_iter().enumerate().map(encode);
        let rows: Vec<TokenRow> = rows.collect::<Result<_, _>>()?;
        let rows: Vec<TokenRow> = rows
            .into_iter()
            .filter(|row| row.trained_tokens() > 0)
            .collect();
        let base_nll = scored(base, &rows, progress)?;
        Ok(Self { rows, base_nll })
    }

    /// The loss of a tuned model beside the base model's.
    pub(crate) fn measure(
        &self,
        tuned: &LanguageModel,
        progress: &dyn Progress,
    ) -> Result<PlainTextRise, ForgettingError> {
        let nll = scored(tuned, &self.rows, progress)?;
        let tokens: usize = self.rows.iter().map(TokenRow::trained_tokens).sum();
        let mean = |nll: &[f64]| nll.iter().sum::<f64>() / tokens.max(1) as f64;
        let pairs = self.rows.iter().zip(self.base_nll.iter().zip(&nll));
        let rises = pairs.map(|(row, (before, after))| TokenRise {
            nats: after - before,
            tokens: row.trained_tokens(),
        });
        Ok(PlainTextRise {
            texts: self.rows.len(),
            tokens,
            before: mean(&self.base_nll),
            after: mean(&nll),
            rise: Rise::by_tokens(&rises.collect::<Vec<_>>()),
        })
    }
}

fn scored(
    model: &LanguageModel,
    rows: &[TokenRow],
    progress: &dyn Progress,
) -> Result<Vec<f64>, ForgettingError> {
    let scores = model.score(rows, GROUP, progress)?;
    Ok(scores.iter().map(|score| score.nll).collect())
}
