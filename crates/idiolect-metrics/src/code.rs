//! Answers that are programs: the form that self-distillation accepts, and pass@k.
//!
//! Sources: sail-sg/sdft@bfb6c255 `eval/eval_magicoder.py`; M. Chen et al., arXiv 2107.03374,
//! equation 1, in the stable form of openai/human-eval@6d43fb98.
//! No program is run here, and none is compared with a label.

use crate::python;

const OPENINGS: [&str; 3] = ["I have", "Here is", "I implemented"];

/// Whether `prediction` opens with one of three phrases and holds a fence that begins
/// ```` ```python ````, case-sensitive, after stripping white space.
#[must_use]
pub fn accepts(prediction: &str) -> bool {
    let prediction = python::strip(prediction);
    prediction.contains("```python") && OPENINGS.iter().any(|phrase| prediction.starts_with(phrase))
}

/// Probability, from 0 to 1, that of `k` programs drawn from `samples` one is `correct` at least.
///
/// Meaningful where `k` is at most `samples`; more than all of them hold a correct one always.
/// The score of a set is the mean over its tasks.
#[must_use]
pub fn pass_at_k(samples: usize, correct: usize, k: usize) -> f64 {
    if samples.saturating_sub(correct) < k {
        return 1.0;
    }
    let none: f64 = (samples.saturating_sub(correct) + 1..=samples)
        .map(|i| 1.0 - k as f64 / i as f64)
        .product();
    1.0 - none
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fewer_wrong_programs_than_draws_always_pass() {
        assert!((pass_at_k(5, 3, 3) - 1.0).abs() < 1e-15);
        assert!(pass_at_k(5, 0, 5).abs() < 1e-15);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn one_draw_passes_as_often_as_programs_do(samples in 1usize..200, share in 0.0..1.0f64) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
            let correct = (share * samples as f64) as usize;
            let found = pass_at_k(samples, correct, 1);
            prop_assert!((found - correct as f64 / samples as f64).abs() < 1e-12);
        }

        #[test]
        fn more_draws_pass_more_often(samples in 2usize..60, correct in 0usize..60, k in 1usize..59) {
            let (correct, k) = (correct.min(samples), k.min(samples - 1));
            let (fewer, more) = (pass_at_k(samples, correct, k), pass_at_k(samples, correct, k + 1));
            prop_assert!(fewer <= more + 1e-12);
        }
    }
}
