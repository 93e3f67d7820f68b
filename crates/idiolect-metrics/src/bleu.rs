//! BLEU: over characters, as the reference measures distribution shift, and over words.
//!
//! Sources: [`bleu4`] is sail-sg/sdft@bfb6c255 `eval/eval_bleu4.py`, which calls `sentence_bleu` of
//! NLTK 3.10.4 with its third smoothing (the geometric one of NIST's mteval); it is no translation
//! score.
//! [`sacrebleu`] is sacrebleu 2.6.0, `BLEU(effective_order=True)` with tokenizer `13a` and
//! smoothing `exp`; other tokenizers, several references and the corpus score are not here.

use std::sync::LazyLock;

use regex::Regex;

use crate::overlap::{ORDERS, number, shared_grams};
use crate::python;

/// Substitutions of the tokenizer `13a`, in their order: symbols apart; stop and comma apart
/// unless they stand after, or before, a digit; a dash apart after a digit.
static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"([\{-\~\[-\` -\&\(-\+\:-\@\/])", " $1 "),
        (r"([^0-9])([\.,])", "$1 $2 "),
        (r"([\.,])([^0-9])", " $1 $2"),
        (r"([0-9])(-)", "$1 $2 "),
    ]
    .into_iter()
    .filter_map(|(rule, to)| Some((Regex::new(rule).ok()?, to)))
    .collect()
});

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
    let matches = shared_grams(&hypothesis, &reference);
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
fn brevity(reference: usize, hypothesis: usize) -> f64 {
    if hypothesis >= reference {
        return 1.0;
    }
    (1.0 - reference as f64 / hypothesis as f64).exp()
}

/// Sentence BLEU of `hypothesis` against one `reference`, from 0 to 100, case kept.
///
/// An order without a match counts as one match halved once more for each such order; orders
/// longer than the hypothesis are left out of the mean.
/// No word in common, an empty text included, scores 0.
#[must_use]
pub fn sacrebleu(reference: &str, hypothesis: &str) -> f64 {
    let (reference, hypothesis) = (tokenize(reference), tokenize(hypothesis));
    let [reference, hypothesis] = number([&split_spaces(&reference), &split_spaces(&hypothesis)]);
    let orders = hypothesis.len().min(ORDERS);
    let matches = &shared_grams(&hypothesis, &reference)[..orders];
    if matches.iter().all(|&matched| matched == 0) {
        return 0.0;
    }
    let mut halved = 1.0;
    let mut log_sum = 0.0;
    for (i, &matched) in matches.iter().enumerate() {
        let grams = (hypothesis.len() - i) as f64;
        let counted = if matched == 0 {
            halved /= 2.0;
            halved
        } else {
            matched as f64
        };
        log_sum += (100.0 * counted / grams).ln();
    }
    brevity(reference.len(), hypothesis.len()) * (log_sum / orders as f64).exp()
}

/// The tokenizer `13a`: tokens are separated by white space in the result.
fn tokenize(text: &str) -> String {
    let text = text.trim_end_matches(python::is_space);
    let mut text = text
        .replace("<skipped>", "")
        .replace("-\n", "")
        .replace('\n', " ");
    for (entity, symbol) in [
        ("&quot;", "\""),
        ("&amp;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
    ] {
        text = text.replace(entity, symbol);
    }
    text = format!(" {text} ");
    for (rule, to) in RULES.iter() {
        text = rule.replace_all(&text, *to).into_owned();
    }
    text
}

fn split_spaces(text: &str) -> Vec<&str> {
    python::split(text).collect()
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

    fn tokens(text: &str) -> Vec<String> {
        split_spaces(&tokenize(text))
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_rule_of_the_tokenizer_compiles() {
        assert_eq!(RULES.len(), 4);
    }

    #[test]
    fn numbers_keep_their_points_and_words_lose_theirs() {
        assert_eq!(
            tokens("It cost $1,000.50, or 3-4."),
            ["It", "cost", "$", "1,000.50", ",", "or", "3", "-", "4", "."]
        );
    }

    #[test]
    fn entities_are_read_once_in_order() {
        assert_eq!(tokens("&amp;lt;b"), ["<", "b"]);
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
