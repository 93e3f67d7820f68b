//! A tuned model held against what the base model says of itself.

use std::fmt;
use std::path::Path;

use idiolect_completion::Progress;
use idiolect_data::write_json;
use idiolect_lm::LanguageModel;
use serde::{Deserialize, Serialize};

use crate::answers::scored;
use crate::journal::Answer;
use crate::plain_text::PlainTextRise;
use crate::rise::{Rise, TokenRise};
use crate::{BaseAnswers, ForgettingError};

/// How much a tuned model has forgotten; `forgetting.json` of a run directory holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forgetting {
    /// Prompts whose answers were measured.
    pub prompts: usize,
    /// Prompts that were left out, since no answer fits the model behind them.
    pub left_out: usize,
    /// Tokens of the answers.
    pub tokens: usize,
    /// The rise in nats per token of each answer, in the mean over the answers.
    pub rise: Rise,
    /// The rise of all answers over all of their tokens: an estimate of the divergence KL(base ‖ tuned) per token.
    pub rise_by_tokens: Rise,
    /// The rise of the loss on plain text.
    pub plain_text: PlainTextRise,
    /// Every answer, in the order of the prompts.
    pub rows: Vec<PromptRise>,
}

/// One answer of the base model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromptRise {
    /// The prompt's id.
    pub id: String,
    /// Tokens of the answer.
    pub tokens: usize,
    /// Its negative log-likelihood under the base model, in nats.
    pub before: f64,
    /// The same under the tuned model.
    pub after: f64,
}

impl PromptRise {
    /// The rise in nats per token.
    #[must_use]
    pub fn per_token(&self) -> f64 {
        (self.after - self.before) / self.tokens as f64
    }

    fn whole(&self) -> TokenRise {
        TokenRise {
            nats: self.after - self.before,
            tokens: self.tokens,
        }
    }
}

impl BaseAnswers {
    /// Measures a tuned model: the base model with an adapter on, or another model of the same vocabulary.
    ///
    /// # Errors
    ///
    /// [`ForgettingError::Lm`] for a model that finds an answer impossible or has not its tokens.
    pub fn measure(
        &self,
        tuned: &LanguageModel,
        progress: &dyn Progress,
    ) -> Result<Forgetting, ForgettingError> {
        let nll = scored(tuned, &self.answers, progress)?;
        let rows = self.answers.iter().zip(nll).map(|(row, after)| PromptRise {
            id: row.id.clone(),
            tokens: row.ids.len(),
            before: row.base_nll,
            after,
        });
        let plain = self.plain.measure(tuned, progress)?;
        Ok(Forgetting::of(rows.collect(), self.left_out, plain))
    }

    /// The numbers that an earlier call has left in a file, where they are those of these answers; none where there
    /// is no such file, or one of other answers, or one whose means are not those of its rows.
    #[must_use]
    pub fn measured(&self, path: &Path) -> Option<Forgetting> {
        let found = Forgetting::read(path)?;
        let same = |(row, own): (&PromptRise, &Answer)| {
            row.id == own.id && row.tokens == own.ids.len() && close(row.before, own.base_nll)
        };
        let are_these =
            found.rows.len() == self.len() && found.rows.iter().zip(&self.answers).all(same);
        let again = Forgetting::of(found.rows.clone(), self.left_out, found.plain_text.clone());
        (are_these && again.is_close(&found)).then_some(found)
    }
}

/// Whether two numbers are one: a number may lose its last bit on its way through JSON.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(1.0)
}

impl Forgetting {
    fn of(rows: Vec<PromptRise>, left_out: usize, plain_text: PlainTextRise) -> Self {
        let rises: Vec<f64> = rows.iter().map(PromptRise::per_token).collect();
        let whole: Vec<TokenRise> = rows.iter().map(PromptRise::whole).collect();
        Self {
            prompts: rows.len(),
            left_out,
            tokens: rows.iter().map(|row| row.tokens).sum(),
            rise: Rise::of(&rises),
            rise_by_tokens: Rise::by_tokens(&whole),
            plain_text,
            rows,
        }
    }

    /// Whether the counts and means of two are the same.
    fn is_close(&self, other: &Self) -> bool {
        let rise = |a: Rise, b: Rise| {
            close(a.mean, b.mean) && close(a.low, b.low) && close(a.high, b.high)
        };
        let counts = |one: &Self| (one.prompts, one.left_out, one.tokens);
        counts(self) == counts(other)
            && rise(self.rise, other.rise)
            && rise(self.rise_by_tokens, other.rise_by_tokens)
    }

    /// The numbers that [`Self::write`] left; none where there is no such file, or another.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes all numbers as a JSON file, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`ForgettingError::Data`].
    pub fn write(&self, path: &Path) -> Result<(), ForgettingError> {
        Ok(write_json(path, self)?)
    }
}

impl fmt::Display for Forgetting {
    /// One line for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (own, plain) = (&self.rise, &self.plain_text);
        write!(
            f,
            "forgetting: {:+.4} nats a token ({:+.4} to {:+.4}) on {} of the base model's own answers; {:+.4} \
             ({:+.4} to {:+.4}) on {} plain texts",
            own.mean,
            own.low,
            own.high,
            self.prompts,
            plain.rise.mean,
            plain.rise.low,
            plain.rise.high,
            plain.texts
        )
    }
}
