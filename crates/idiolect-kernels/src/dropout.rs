//! Dropout: the numbers that say which values of a tensor are left out.
//!
//! A number for each value of `[tokens, channels]` would be drawn on the host and carried to the device. Here two
//! numbers are drawn for each token and two for each channel, and every device makes the same mask of them:
//! `h = (a_token b_channel + c_token + d_channel) mod p`, and a value is left out where `h` is below a limit. With
//! `a`, `b`, `c` and `d` drawn evenly below the prime `p`, each `h` is even below `p`, two of them do not depend on each
//! other (the pairwise independence of linear hashing: Carter and Wegman, Journal of Computer and System Sciences 18,
//! 1979), and no sum passes 31 bits, which is what a GPU's integers have.

/// The largest prime whose square, with two more terms, is below 2^31.
pub(crate) const PRIME: u16 = 46_337;

/// What is left out of `[rows, tokens, channels]`, and the numbers that say it, each below [`Dropout::BELOW`].
#[derive(Debug, Clone, PartialEq)]
pub struct Dropout {
    /// The share that is left out, at least 0 and below 1, to the nearest 46337th.
    pub share: f64,
    /// A factor and a term of each token of all rows.
    pub tokens: [Vec<u16>; 2],
    /// A factor and a term of each channel.
    pub channels: [Vec<u16>; 2],
}

impl Dropout {
    /// What the numbers are below.
    pub const BELOW: u16 = PRIME;

    pub(crate) fn assert_fits(&self, [rows, tokens, channels]: [usize; 3]) {
        let is_long =
            |keys: &[Vec<u16>; 2], length: usize| keys.iter().all(|one| one.len() == length);
        assert!(
            is_long(&self.tokens, rows * tokens) && is_long(&self.channels, channels),
            "two numbers for each token and each channel"
        );
        let mut all = self.tokens.iter().chain(&self.channels).flatten();
        assert!(all.all(|key| *key < PRIME), "numbers below {PRIME}");
    }
}

/// Which hashes are left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threshold {
    /// What is below it is left out.
    pub(crate) limit: u16,
    /// What the rest is multiplied by.
    pub(crate) kept: f32,
}

impl Threshold {
    pub(crate) fn of(dropout: &Dropout) -> Self {
        // A whole number from 0 to p - 1, so that something is always kept.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let limit = (dropout.share * f64::from(PRIME)).round() as u16;
        let limit = limit.min(PRIME - 1);
        #[allow(clippy::cast_possible_truncation)]
        let kept = (f64::from(PRIME) / f64::from(PRIME - limit)) as f32;
        Self { limit, kept }
    }
}
