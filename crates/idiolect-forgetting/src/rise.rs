//! A mean rise with its interval.

use idiolect_metrics::interval::{Draws, Interval, bootstrap};
use serde::{Deserialize, Serialize};

/// The draws of every interval here.
const DRAWS: Draws = Draws {
    samples: 10_000,
    level: 0.95,
    seed: 42,
};

/// A mean rise in nats per token, with the 95 % bootstrap interval over prompts or texts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rise {
    /// The mean.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Rise {
    /// The mean of the rises of single items; 0 where there are none.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let none = Interval {
            mean: 0.0,
            low: 0.0,
            high: 0.0,
        };
        let Interval { mean, low, high } = bootstrap(values, &DRAWS).unwrap_or(none);
        Self { mean, low, high }
    }

    /// The rise of all items together by their tokens: summed rises over summed tokens.
    ///
    /// The interval is that of the linearised ratio (W. G. Cochran, Sampling Techniques, 1977, section 2.11).
    #[must_use]
    pub fn by_tokens(items: &[TokenRise]) -> Self {
        let tokens: f64 = items.iter().map(|item| item.tokens as f64).sum();
        if tokens == 0.0 {
            return Self::of(&[]);
        }
        let ratio = items.iter().map(|item| item.nats).sum::<f64>() / tokens;
        let each = tokens / items.len() as f64;
        let linear = |item: &TokenRise| ratio + (item.nats - ratio * item.tokens as f64) / each;
        let found = Self::of(&items.iter().map(linear).collect::<Vec<_>>());
        Self {
            mean: ratio,
            ..found
        }
    }
}

/// The rise of one item.
#[derive(Debug, Clone, Copy)]
pub struct TokenRise {
    /// Summed over its tokens, in nats.
    pub nats: f64,
    /// Its tokens.
    pub tokens: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_by_tokens_weighs_long_items_more() {
        let item = |nats, tokens| TokenRise { nats, tokens };
        let found = Rise::by_tokens(&[item(1.0, 10), item(9.0, 30)]);
        assert!((found.mean - 0.25).abs() < 1e-12, "{found:?}");
        assert!(found.low < 0.25 && 0.25 < found.high, "{found:?}");
        let even = Rise::by_tokens(&[item(2.0, 10), item(2.0, 10), item(2.0, 10)]);
        assert!((even.high - even.low).abs() < 1e-12 && (even.mean - 0.2).abs() < 1e-12);
        assert!(Rise::by_tokens(&[]).mean.abs() < 1e-12);
    }
}
