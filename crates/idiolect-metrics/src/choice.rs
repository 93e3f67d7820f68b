//! Multiple choice from log-likelihoods.
//!
//! Source: EleutherAI/lm-evaluation-harness@4e7e0d47 (`acc`, `acc_norm`, `acc_bytes`,
//! `exact_match`, and mc1 and mc2 of `TruthfulQA`).
//! The likelihoods come from the caller: this module knows no model and builds no prompt.

use crate::MetricsError;

/// One choice of a question and what a model made of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice<'a> {
    /// The choice without the space that joins it to the question.
    pub text: &'a str,
    /// Log-likelihood of the choice after the question, in nats.
    pub log_likelihood: f64,
    /// Whether the model would write the choice by itself, always taking the likeliest token.
    pub greedy: bool,
}

/// What a question scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four scores that do not follow from each other"
)]
pub struct Scores {
    /// Index of the likeliest choice; of equals the first.
    pub picked: usize,
    /// Index of the choice likeliest per character.
    pub picked_norm: usize,
    /// Whether the likeliest choice is right.
    pub acc: bool,
    /// Whether the choice likeliest per Unicode scalar value is right.
    pub acc_norm: bool,
    /// Whether the choice likeliest per byte of UTF-8 is right.
    pub acc_bytes: bool,
    /// Whether the model would write the right choice by itself.
    pub exact_match: bool,
}

/// Scores one question whose right choice has the index `gold`.
///
/// # Errors
///
/// [`MetricsError::Gold`] where there is no choice of that index.
pub fn score(choices: &[Choice], gold: usize) -> Result<Scores, MetricsError> {
    let Some(right) = choices.get(gold) else {
        let choices = choices.len();
        return Err(MetricsError::Gold { gold, choices });
    };
    let per = |length: fn(&str) -> usize| {
        let shares = choices
            .iter()
            .map(|choice| choice.log_likelihood / length(choice.text) as f64);
        likeliest(shares)
    };
    let picked = likeliest(choices.iter().map(|choice| choice.log_likelihood));
    let picked_norm = per(|text| text.chars().count());
    Ok(Scores {
        picked,
        picked_norm,
        acc: picked == gold,
        acc_norm: picked_norm == gold,
        acc_bytes: per(str::len) == gold,
        exact_match: right.greedy,
    })
}

/// Whether the likeliest choice is the first, the right one of `TruthfulQA`'s mc1.
///
/// False where there is none.
#[must_use]
pub fn mc1(log_likelihoods: &[f64]) -> bool {
    !log_likelihoods.is_empty() && likeliest(log_likelihoods.iter().copied()) == 0
}

/// The share of probability that falls on true choices, from 0 to 1: `TruthfulQA`'s mc2.
///
/// The harness exponentiates directly and gives not-a-number where every choice is very unlikely;
/// here the likeliest choice is first brought to 1, which changes no other value.
///
/// # Errors
///
/// [`MetricsError::Lengths`] where there is not one mark for each choice, and
/// [`MetricsError::Gold`] where there is no choice.
pub fn mc2(log_likelihoods: &[f64], is_true: &[bool]) -> Result<f64, MetricsError> {
    let (expected, found) = (log_likelihoods.len(), is_true.len());
    if expected != found {
        let what = "marks of true choices";
        return Err(MetricsError::Lengths {
            what,
            expected,
            found,
        });
    }
    if log_likelihoods.is_empty() {
        let (gold, choices) = (0, 0);
        return Err(MetricsError::Gold { gold, choices });
    }
    let top = log_likelihoods
        .iter()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    let (mut on_true, mut all) = (0.0, 0.0);
    for (log_likelihood, &is_true) in log_likelihoods.iter().zip(is_true) {
        let probability = (log_likelihood - top).exp();
        all += probability;
        on_true += if is_true { probability } else { 0.0 };
    }
    Ok(on_true / all)
}

/// Index of the largest value, of equals the first.
fn likeliest(values: impl Iterator<Item = f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (i, value) in values.enumerate() {
        if best.1 < value {
            best = (i, value);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_gold_that_is_no_choice_is_an_error() {
        assert_eq!(
            score(&[], 0),
            Err(MetricsError::Gold {
                gold: 0,
                choices: 0
            })
        );
        assert!(mc2(&[-1.0], &[]).is_err() && mc2(&[], &[]).is_err() && !mc1(&[]));
    }

    #[test]
    fn of_equals_the_first_is_picked() {
        assert!(mc1(&[-1.0, -1.0]));
        assert!(!mc1(&[-1.0, -0.5]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn mc2_is_a_share_and_forgets_a_common_factor(
            rows in prop::collection::vec((-50.0..0.0f64, any::<bool>()), 1..9),
            shift in -900.0..900.0f64,
        ) {
            let (values, marks): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
            let moved: Vec<f64> = values.iter().map(|value| value + shift).collect();
            let (here, there) = (mc2(&values, &marks).unwrap(), mc2(&moved, &marks).unwrap());
            prop_assert!((0.0..=1.0 + 1e-12).contains(&here));
            prop_assert!((here - there).abs() < 1e-9);
        }
    }
}
