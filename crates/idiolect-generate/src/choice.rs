//! How one token is chosen from a row of logits.
//!
//! The order of the steps is that of transformers: repetition penalty, temperature, top-k, top-p,
//! min-p, each with its definition there.
//! No step sorts the whole vocabulary.
//! The random numbers are not those of transformers or torch: equal seeds give other texts.

use std::cmp::Ordering;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::{Largest, Sampling};

/// A token that may be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its id.
    pub token: u32,
    /// Its probability over that of the most probable token: 1 for that one, above 0.
    pub weight: f64,
}

/// The first logit that makes a row no distribution: NaN, plus infinity, or minus infinity alone.
pub(crate) fn not_finite(logits: &[f32]) -> Option<usize> {
    let wrong = logits
        .iter()
        .position(|l| l.is_nan() || *l == f32::INFINITY);
    let none_left = || logits.iter().all(|l| *l == f32::NEG_INFINITY).then_some(0);
    wrong.or_else(none_left)
}

/// The repetition penalty, in place; `seen` holds each token once.
pub(crate) fn penalise(logits: &mut [f32], seen: &[u32], penalty: f32) {
    for &token in seen {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = if *logit < 0.0 {
                *logit * penalty
            } else {
                *logit / penalty
            };
        }
    }
}

/// The token of the largest logit, the lowest id of equal ones, and its lead over the next best.
pub(crate) fn greedy(logits: &[f32]) -> (u32, f32) {
    let (mut token, mut best, mut second) = (0, f32::NEG_INFINITY, f32::NEG_INFINITY);
    for (id, &logit) in (0u32..).zip(logits) {
        if logit > best {
            (token, best, second) = (id, logit, best);
        } else if logit > second {
            second = logit;
        }
    }
    (token, best - second)
}

/// The tokens that may be drawn from `logits` (penalised already), with their weights.
///
/// Sorted from the most probable where `top_p` is below 1, else by id.
/// `sampling` is not greedy, and at least one logit is finite.
#[must_use]
pub fn candidates(logits: &[f32], sampling: &Sampling) -> Vec<Candidate> {
    let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let least = kth_largest(logits, sampling.top_k);
    let pool = (0u32..).zip(logits.iter().copied());
    weigh(pool.filter(|entry| entry.1 >= least), best, sampling)
}

/// [`candidates`] from the largest logits alone, which hold all that `top_k` keeps.
pub(crate) fn candidates_of(entries: &[(u32, f32)], sampling: &Sampling) -> Vec<Candidate> {
    let best = entries.first().map_or(f32::NEG_INFINITY, |entry| entry.1);
    let mut kept = entries[..sampling.top_k.min(entries.len())].to_vec();
    // The order of `candidates`, on which the draw depends.
    kept.sort_unstable_by_key(|entry| entry.0);
    weigh(kept.into_iter(), best, sampling)
}

/// How far the mass of a row that a model gives may be off, relative to itself; a bound that comes so near decides nothing.
const OF_MASS: f64 = 1e-5;

/// [`candidates`] without `top_k` from the largest logits and the mass of the row; `None` where they do not tell which
/// tokens are kept.
pub(crate) fn nucleus_of(largest: &Largest, sampling: &Sampling) -> Option<Vec<Candidate>> {
    let (best, end) = (largest.entries.first()?.1, largest.entries.last()?.1);
    // Those equal to the last may go on behind it.
    let seen = largest.entries.iter().filter(|entry| entry.1 > end);
    let whole = Sampling {
        top_p: 1.0,
        min_p: 0.0,
        ..*sampling
    };
    let mut pool = weigh(seen.copied(), best, &whole);
    pool.sort_unstable_by(by_weight);
    let least = f64::from(sampling.min_p);
    if sampling.top_p < 1.0 {
        let kept = nucleus(&pool, f64::from(sampling.top_p), largest.mass?)?;
        pool.truncate(kept);
    } else if weigh([(0, end)].into_iter(), best, &whole)
        .iter()
        .any(|last| last.weight >= least)
    {
        return None;
    } else {
        pool.sort_unstable_by_key(|candidate| candidate.token);
    }
    pool.retain(|candidate| candidate.weight >= least);
    Some(pool)
}

/// How many of the most probable candidates have `share` of `mass`; `None` where they have not, or a step of their sum is
/// too near to it.
fn nucleus(pool: &[Candidate], share: f64, mass: f64) -> Option<usize> {
    let goal = share * mass;
    let sums = pool.iter().scan(0.0, |sum, candidate| {
        *sum += candidate.weight;
        Some(*sum)
    });
    for (place, sum) in sums.enumerate() {
        if (sum - goal).abs() <= OF_MASS * mass {
            return None;
        }
        if sum >= goal {
            return Some(place + 1);
        }
    }
    None
}

/// From the most probable, equal ones by id.
fn by_weight(a: &Candidate, b: &Candidate) -> Ordering {
    b.weight.total_cmp(&a.weight).then(a.token.cmp(&b.token))
}

fn weigh(kept: impl Iterator<Item = (u32, f32)>, best: f32, sampling: &Sampling) -> Vec<Candidate> {
    let weight =
        |logit: f32| ((f64::from(logit) - f64::from(best)) / f64::from(sampling.temperature)).exp();
    let mut pool: Vec<Candidate> = kept
        .map(|(token, logit)| Candidate {
            token,
            weight: weight(logit),
        })
        .filter(|candidate| candidate.weight > 0.0)
        .collect();
    if sampling.top_p < 1.0 {
        keep_nucleus(&mut pool, f64::from(sampling.top_p));
    }
    pool.retain(|candidate| candidate.weight >= f64::from(sampling.min_p));
    pool
}

/// The k-th largest logit; minus infinity where `k` is 0 or no bound.
fn kth_largest(logits: &[f32], k: usize) -> f32 {
    if k == 0 || k >= logits.len() {
        return f32::NEG_INFINITY;
    }
    let mut values = logits.to_vec();
    *values
        .select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a))
        .1
}

/// Cuts `pool` to its most probable candidates, as few as have `share` of its mass.
///
/// Sorts from the top in growing pieces, since a few dozen candidates mostly suffice.
fn keep_nucleus(pool: &mut Vec<Candidate>, share: f64) {
    let goal = share * pool.iter().map(|candidate| candidate.weight).sum::<f64>();
    let (mut kept, mut mass, mut piece) = (0, 0.0, 64);
    while kept < pool.len() {
        let rest = &mut pool[kept..];
        let take = piece.min(rest.len());
        if take < rest.len() {
            rest.select_nth_unstable_by(take - 1, by_weight);
        }
        rest[..take].sort_unstable_by(by_weight);
        for candidate in &rest[..take] {
            kept += 1;
            mass += candidate.weight;
            if mass >= goal {
                pool.truncate(kept);
                return;
            }
        }
        piece *= 4;
    }
}

/// Draws one candidate by weight, with one random number.
///
/// Gives 0 where `pool` is empty, which [`candidates`] never returns.
pub(crate) fn draw(pool: &[Candidate], random: &mut ChaCha8Rng) -> u32 {
    // The 53 high bits make a uniform number in [0, 1) that no version of `rand` can change.
    let unit = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let mut left = unit * pool.iter().map(|candidate| candidate.weight).sum::<f64>();
    for candidate in pool {
        if left < candidate.weight {
            return candidate.token;
        }
        left -= candidate.weight;
    }
    // Rounding may leave a trace beyond the last one.
    pool.last().map_or(0, |candidate| candidate.token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLED: Sampling = Sampling {
        temperature: 1.0,
        ..Sampling::GREEDY
    };

    fn tokens(logits: &[f32], sampling: Sampling) -> Vec<u32> {
        candidates(logits, &sampling)
            .iter()
            .map(|candidate| candidate.token)
            .collect()
    }

    #[test]
    fn greedy_takes_the_first_of_equal_logits() {
        assert_eq!(greedy(&[1.0, 3.0, 3.0, 2.0]), (1, 0.0));
        assert_eq!(greedy(&[-1.0, -3.0]), (0, 2.0));
        assert_eq!(greedy(&[f32::NEG_INFINITY, -3.0]), (1, f32::INFINITY));
    }

    #[test]
    fn the_penalty_moves_logits_of_either_sign_down() {
        let mut logits = [2.0, -2.0, 1.0];
        penalise(&mut logits, &[0, 1], 2.0);
        assert_eq!(
            logits.map(f32::to_bits),
            [1.0f32, -4.0, 1.0].map(f32::to_bits)
        );
    }

    #[test]
    fn top_k_keeps_ties_with_the_last() {
        let logits = [1.0, 2.0, 3.0, 2.0, 0.0];
        assert_eq!(
            tokens(
                &logits,
                Sampling {
                    top_k: 1,
                    ..SAMPLED
                }
            ),
            [2]
        );
        assert_eq!(
            tokens(
                &logits,
                Sampling {
                    top_k: 2,
                    ..SAMPLED
                }
            ),
            [1, 2, 3]
        );
        assert_eq!(
            tokens(
                &logits,
                Sampling {
                    top_k: 9,
                    ..SAMPLED
                }
            ),
            [0, 1, 2, 3, 4]
        );
    }

    #[test]
    fn top_p_counts_the_mass_that_top_k_left() {
        // Of 0.5, 0.25, 0.25 top-k 2 keeps all (a tie); with 0.6 the first two are enough.
        let logits = [0.25f32.ln(), 0.5f32.ln(), 0.25f32.ln(), 0.1f32.ln()];
        let sampling = Sampling {
            top_k: 2,
            top_p: 0.6,
            ..SAMPLED
        };
        assert_eq!(tokens(&logits, sampling), [1, 0]);
        assert_eq!(
            tokens(
                &logits,
                Sampling {
                    top_p: 1e-6,
                    ..SAMPLED
                }
            ),
            [1]
        );
    }

    #[test]
    fn min_p_is_a_share_of_the_most_probable() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln()];
        assert_eq!(
            tokens(
                &logits,
                Sampling {
                    min_p: 0.5,
                    ..SAMPLED
                }
            ),
            [0, 1]
        );
        assert_eq!(
            tokens(
                &logits,
                Sampling {
                    min_p: 1.0,
                    ..SAMPLED
                }
            ),
            [0]
        );
    }

    #[test]
    fn a_token_of_no_probability_is_never_a_candidate() {
        assert_eq!(tokens(&[0.0, f32::NEG_INFINITY, -1e30], SAMPLED), [0]);
    }

    #[test]
    fn rows_that_are_no_distribution_are_found() {
        assert_eq!(not_finite(&[0.0, f32::NAN]), Some(1));
        assert_eq!(not_finite(&[0.0, f32::INFINITY]), Some(1));
        assert_eq!(not_finite(&[f32::NEG_INFINITY; 3]), Some(0));
        assert_eq!(not_finite(&[f32::NEG_INFINITY, 0.0]), None);
    }
}
