//! The likeliest tokens at each token of an answer, and one drawn from all others.
//!
//! The drawn token has the chance `p(token) / T` with `T` what the likeliest leave of 1. Weighted with `T` it stands for
//! all of them: a sum over the vocabulary that is computed from the likeliest and from it is right on average.

use sha2::{Digest, Sha256};

use super::tokens::{RankedToken, largest, log_sum, ranked};
use crate::{LanguageModel, LmError};

impl LanguageModel {
    /// The `count - 1` likeliest tokens at each token behind a prompt, the likeliest first, and one of the others, drawn
    /// by `seed` and the token's place behind the prompt.
    pub(crate) fn drawn_scores(
        &self,
        prompt: &[u32],
        answer: &[u32],
        count: usize,
        seed: u64,
    ) -> Result<Vec<Vec<RankedToken>>, LmError> {
        self.at_answer(prompt, answer, &|at, logits, token| {
            let log_sum = log_sum(logits, token)?;
            let chosen = likeliest_and_drawn(logits, log_sum, count, share(seed, at));
            let chosen = chosen.into_iter();
            Ok(chosen.map(|own| ranked(logits, log_sum, own)).collect())
        })
    }
}

/// A number from 0 to below 1 that depends on both alone. The generator's own draws have the seed too, and are others.
fn share(seed: u64, place: usize) -> f64 {
    let digest = Sha256::digest(format!("logprobs\n{seed}\n{place}"));
    let bytes = digest.iter().take(8);
    let bits = bytes.fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// The `count - 1` largest logits, and the token at `share` of the others, each as wide as its probability.
fn likeliest_and_drawn(logits: &[f32], log_sum: f64, count: usize, share: f64) -> Vec<u32> {
    let mut chosen = largest(logits, count);
    let Some(next) = chosen.pop() else {
        return chosen;
    };
    let exp = |logit: &f32| (f64::from(*logit) - log_sum).exp();
    let mut others: Vec<f64> = logits.iter().map(exp).collect();
    for token in &chosen {
        others[*token as usize] = 0.0;
    }
    let mut left = share * others.iter().sum::<f64>();
    let drawn = (0_u32..).zip(&others).find(|(_, probability)| {
        left -= **probability;
        left < 0.0
    });
    // Rounding may leave nothing, of all others or of the last.
    chosen.push(drawn.map_or(next, |(token, _)| token));
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_drawn_as_often_as_they_are_likely_and_never_one_of_the_likeliest() {
        let logits: Vec<f32> = (0..9_u8).map(|at| f32::from(at * 5 % 9) * 0.4).collect();
        let log_sum = log_sum(&logits, 0).unwrap();
        let (count, draws) = (4, 40_000);
        let likeliest = largest(&logits, count - 1);
        let mut found = [0_u32; 9];
        for at in 0..draws {
            let chosen = likeliest_and_drawn(&logits, log_sum, count, share(7, at));
            assert_eq!(chosen[..count - 1], likeliest);
            found[chosen[count - 1] as usize] += 1;
        }
        let exp = |token: &u32| (f64::from(logits[*token as usize]) - log_sum).exp();
        let others: Vec<u32> = (0..9).filter(|at| !likeliest.contains(at)).collect();
        let rest: f64 = others.iter().map(exp).sum();
        for token in &others {
            let chance = exp(token) / rest;
            let off = f64::from(found[*token as usize]) / draws as f64 - chance;
            // Four standard deviations of the share of so many draws.
            let bound = 4.0 * (chance * (1.0 - chance) / draws as f64).sqrt();
            assert!(off.abs() <= bound, "{token}: off by {off}");
        }
    }

    #[test]
    fn ends_of_the_range_and_tokens_without_probability_are_no_trouble() {
        let logits = [0.0, 5.0, f32::NEG_INFINITY, 1.0];
        let drawn = |share, count| likeliest_and_drawn(&logits, 5.03, count, share);
        assert_eq!(drawn(0.0, 2), [1, 0]);
        assert_eq!(drawn(1.0 - f64::EPSILON, 2), [1, 3]);
        // Beyond the last.
        assert_eq!(drawn(1.0, 2), [1, 3]);
        // What is left has no probability.
        assert_eq!(drawn(0.5, 4), [1, 3, 0, 2]);
        assert_eq!(drawn(0.999, 1), [3]);
        assert_eq!(drawn(0.5, 0), [0_u32; 0]);
    }

    #[test]
    fn a_share_depends_on_seed_and_place() {
        let all: Vec<f64> = (0..100).map(|at| share(3, at)).collect();
        assert!(all.iter().all(|share| (0.0..1.0).contains(share)));
        assert_eq!(all[7].to_bits(), share(3, 7).to_bits());
        assert_ne!(all[7].to_bits(), share(4, 7).to_bits());
        let mean = all.iter().sum::<f64>() / 100.0;
        assert!((mean - 0.5).abs() < 0.12, "{mean}");
    }
}
