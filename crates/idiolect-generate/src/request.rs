//! What is asked for, and what comes back.

use crate::{GenerateError, Sampling};

/// One prompt to continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The caller's own number, echoed in [`Generated`] and in errors.
    pub index: usize,
    /// Token ids, at least one.
    pub prompt: Vec<u32>,
    /// Seed of the row's own generator: what the row gives depends on no other row.
    pub seed: u64,
}

impl Request {
    /// A seed for row `index` of a run with seed `seed`: neighbouring runs and rows get unrelated
    /// ones (the finaliser of `SplitMix64`).
    #[must_use]
    pub fn row_seed(seed: u64, index: usize) -> u64 {
        let odd = 0x9e37_79b9_7f4a_7c15_u64;
        let mut z =
            seed.wrapping_mul(odd) ^ (index as u64).wrapping_add(1).wrapping_mul(odd << 1 | 1);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// What ends a row before its budget is spent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stops {
    /// Tokens that end a row; they are not part of the result.
    pub tokens: Vec<u32>,
    /// Texts that end a row; the text is cut before the first of them.
    pub strings: Vec<String>,
    /// Go on past [`Stops::tokens`], which then are ordinary tokens of the result, not suppressed.
    pub ignore_eos: bool,
}

/// How a run generates.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
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

impl Settings {
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

/// Why a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// A stop token.
    Stop,
    /// A stop string.
    StopString,
    /// The budget of new tokens.
    Length,
}

impl FinishReason {
    /// The name in files: `stop`, `stop_string` or `length`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::StopString => "stop_string",
            Self::Length => "length",
        }
    }
}

impl std::fmt::Display for FinishReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A finished row.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The request's own number.
    pub index: usize,
    /// All new tokens but the stop token.
    ///
    /// After a stop string these include the tokens it came in, since it may end inside one: then
    /// `text` is shorter than what they decode to.
    pub token_ids: Vec<u32>,
    /// The new text, cut before a stop string.
    pub text: String,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Passes of the model that gave its tokens, the prompt's own included: with
    /// [`Settings::speculate`] fewer than the tokens.
    pub passes: usize,
    /// Greedy rows: the smallest lead of a chosen token's logit over the next best, at any step.
    ///
    /// Another batch, device or order of sums moves logits by rounding; where this is well above
    /// that (1e-3 in f32) the tokens are the same everywhere.
    pub min_margin: Option<f32>,
}

/// What happens while rows are generated, for streaming and progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// A row has one more token, which may yet turn out to end in a stop string.
    Token {
        /// The request's own number.
        index: usize,
        /// All its new tokens so far.
        token_ids: &'a [u32],
    },
    /// A row is finished. Rows finish as they end, not in the order of the requests.
    Done(&'a Generated),
}
