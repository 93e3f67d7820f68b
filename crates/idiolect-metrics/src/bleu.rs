//! BLEU-4 over characters, as the reference measures distribution shift.
//!
//! Source: sail-sg/sdft@bfb6c255 `eval/eval_bleu4.py`, which calls `sentence_bleu` of NLTK 3.10.4
//! with its third smoothing (the geometric one of NIST's mteval).
//! It is not a translation score: see [`crate::sacrebleu`] for one over words.

use crate::overlap::{ORDERS, shared_grams};

/// BLEU-4 of `hypothesis` against one `reference`, from 0 to 1, over Unicode scalar values.
///
/// White space and case count, nothing is stripped.
/// The weights stay at a quarter for short texts, so that equal texts of one, two and three
/// characters score 0.354, 0.595 and 0.841.
/// An order without a match counts as `1 / (2^k * n-grams)`, the k-th such order of the pair.
/// No character in common, an empty text included, scores 0.
#[must_use]
pub fn bleu4(reference: &str, hypothesis: &str) -> f64 {
    let reference: Vec<u32> = reference.chars().map(u32::from).collect();
    let hypothesis: Vec<u32> = hypothesis.chars().map(u32::from).collect();
    let matches: [usize; ORDERS] =
        std::array::from_fn(|i| shared_grams(&hypothesis, &reference, i + 1));
    if matches[0] == 0 {
        return 0.0;
    }
    let mut halved = 1.0;
    let mut log_sum = 0.0;
    for (i, &matched) in matches.iter().enumerate() {
        let grams = hypothesis.len().saturating_sub(i).max(1) as f64;
        let counted = if matched == 0 {
            halved /= 2.0;
            halved
        } else {
            matched as f64
        };
        log_sum += (counted / grams).ln() / ORDERS as f64;
    }
    brevity(reference.len(), hypothesis.len()) * log_sum.exp()
}

/// The factor that punishes a hypothesis shorter than its reference; 1 where it is not.
pub(crate) fn brevity(reference: usize, hypothesis: usize) -> f64 {
    if hypothesis >= reference {
        return 1.0;
    }
    (1.0 - reference as f64 / hypothesis as f64).exp()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_equal_texts_do_not_reach_one() {
        for (text, expected) in [("a", 0.353_553), ("ab", 0.594_604), ("abc", 0.840_896)] {
            assert!((bleu4(text, text) - expected).abs() < 1e-6, "{text}");
        }
    }

    #[test]
    fn nothing_in_common_is_zero() {
        for (reference, hypothesis) in [("", ""), ("abc", ""), ("", "abc"), ("abc", "xyz")] {
            assert!(bleu4(reference, hypothesis).abs() < f64::MIN_POSITIVE);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn it_stays_in_the_unit_interval(a in ".{0,40}", b in ".{0,40}") {
            prop_assert!((0.0..=1.0 + 1e-12).contains(&bleu4(&a, &b)));
        }

        #[test]
        fn equal_texts_of_four_characters_or_more_score_one(text in ".{4,40}") {
            prop_assert!((bleu4(&text, &text) - 1.0).abs() < 1e-12);
        }
    }
}
