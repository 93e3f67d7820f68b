//! ROUGE-L: the longest common subsequence of two texts' words.
//!
//! Sources: sail-sg/sdft@bfb6c255 `eval/eval_rougel.py`, which joins the words of jieba 0.42.1 by
//! spaces and hands them to rouge-chinese 1.0.3; and `rouge_score` 0.1.2 for the other one.
//! On prose the two agree to some 1e-3; on code and calls, where punctuation counts in the first
//! only, they differ widely.

use std::sync::LazyLock;

use regex::Regex;

use crate::overlap::{common_subsequence, number};
use crate::{python, words};

/// Where rouge-chinese ends a sentence inside the joined text, in its order.
/// Its two further rules need marks side by side, which the joining spaces keep apart.
static SENTENCE_ENDS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [r"([。！？?])([^”’])", r"(\.{6})([^”’])"]
        .into_iter()
        .filter_map(|rule| Regex::new(rule).ok())
        .collect()
});

/// Keeps the reference's F-measure from dividing by zero; equal texts score 0.999999995 for it.
const EPSILON: f64 = 1e-8;

/// ROUGE-L of `hypothesis` against `reference` as the reference script gives it, from 0 to 1.
///
/// Punctuation counts, case is kept, nothing is stemmed.
/// A line of white space alone counts as one empty word, as in the reference.
/// An empty text, or one of white space alone, scores 0 (the reference raises an error).
///
/// Chinese text needs the feature `chinese` to be divided into words as in the reference.
#[must_use]
pub fn rouge_l(reference: &str, hypothesis: &str) -> f64 {
    let (reference, hypothesis) = (flat_lines(reference), flat_lines(hypothesis));
    let Some(Overlap { precision, recall }) = overlap(&lines(&reference), &lines(&hypothesis))
    else {
        return 0.0;
    };
    2.0 * ((precision * recall) / (precision + recall + EPSILON))
}

/// ROUGE-L of `hypothesis` against `reference` as Google's `rouge_score` gives it, from 0 to 1.
///
/// Words are runs of ASCII letters and digits after lowering the case, not stemmed.
/// A text without any scores 0.
#[must_use]
pub fn rouge_l_google(reference: &str, hypothesis: &str) -> f64 {
    let (reference, hypothesis) = (reference.to_lowercase(), hypothesis.to_lowercase());
    match overlap(&ascii_words(&reference), &ascii_words(&hypothesis)) {
        Some(Overlap { precision, recall }) if precision + recall > 0.0 => {
            2.0 * precision * recall / (precision + recall)
        }
        _ => 0.0,
    }
}

/// Precision and recall of a longest common subsequence.
struct Overlap {
    precision: f64,
    recall: f64,
}

/// The overlap of two lists of words; none where one of them is empty.
fn overlap(reference: &[&str], hypothesis: &[&str]) -> Option<Overlap> {
    if reference.is_empty() || hypothesis.is_empty() {
        return None;
    }
    let [reference, hypothesis] = number([reference, hypothesis]);
    let common = common_subsequence(&reference, &hypothesis) as f64;
    Some(Overlap {
        precision: common / hypothesis.len() as f64,
        recall: common / reference.len() as f64,
    })
}

/// The words joined by single spaces, with a line break after each sentence.
fn flat_lines(text: &str) -> String {
    let mut text = words::cut(text).join(" ");
    for rule in SENTENCE_ENDS.iter() {
        text = rule.replace_all(&text, "$1\n$2").into_owned();
    }
    text.truncate(text.trim_end_matches(python::is_space).len());
    text
}

/// The words of all lines; a line of white space alone gives one empty word.
fn lines(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        let before = words.len();
        words.extend(python::split(line));
        if words.len() == before {
            words.push("");
        }
    }
    words
}

fn ascii_words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_sentence_rule_compiles() {
        assert_eq!(SENTENCE_ENDS.len(), 2);
    }

    #[test]
    fn a_blank_line_is_an_empty_word() {
        assert_eq!(lines(&flat_lines("one\n\ntwo")), ["one", "", "two"]);
        assert_eq!(lines(&flat_lines("so?\nyes")), ["so", "?", "", "yes"]);
    }

    #[test]
    fn white_space_alone_scores_zero() {
        for blank in ["", " \n\t ", "\u{1c}"] {
            assert!(rouge_l(blank, "a").abs() < f64::MIN_POSITIVE);
            assert!(rouge_l("a", blank).abs() < f64::MIN_POSITIVE);
            assert!(rouge_l_google("a", blank).abs() < f64::MIN_POSITIVE);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn both_stay_in_the_unit_interval(a in ".{0,60}", b in ".{0,60}") {
            prop_assert!((0.0..=1.0).contains(&rouge_l(&a, &b)));
            prop_assert!((0.0..=1.0).contains(&rouge_l_google(&a, &b)));
        }

        #[test]
        fn a_text_against_itself_scores_one(text in "[a-z0-9 .?\n]{0,40}[a-z]") {
            prop_assert!((rouge_l(&text, &text) - 1.0).abs() < 1e-8);
            prop_assert!((rouge_l_google(&text, &text) - 1.0).abs() < 1e-12);
        }
    }
}
