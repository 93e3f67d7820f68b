//! What is asked for, and what comes back.

use crate::FinishReason;

/// One prompt to continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The caller's own number, echoed in [`Generated`] and in errors.
    pub index: usize,
    /// Token ids, at least one.
    pub prompt: Vec<u32>,
    /// Seed of the row's own generator: what the row gives depends on no other row.
    pub seed: u64,
    /// Which of the model's [`variants`](crate::NextLogits::variants) continues it; 0 where there is one.
    pub variant: usize,
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
    /// The stop token that ended it.
    pub stop_token: Option<u32>,
    /// The new text, cut before a stop string.
    pub text: String,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Passes of the model that gave its tokens, the prompt's own included: with
    /// [`GenerationConfig::speculate`](crate::GenerationConfig::speculate) fewer than the tokens.
    pub passes: usize,
    /// Greedy rows: the smallest lead of a chosen token's logit over the next best, at any step.
    ///
    /// Another batch, device or order of sums moves logits by rounding; where this is well above
    /// that (1e-3 in f32) the tokens are the same everywhere.
    pub min_margin: Option<f32>,
}

/// What happens while rows are generated, for streaming and progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GenerationEvent<'a> {
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
