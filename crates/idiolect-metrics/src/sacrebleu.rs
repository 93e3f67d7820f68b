//! BLEU over words as sacreBLEU gives it for one sentence.
//!
//! Source: sacrebleu 2.6.0, `BLEU(effective_order=True)` with tokenizer `13a` and smoothing `exp`.
//! Other tokenizers, several references and the corpus score are not here.

use std::sync::LazyLock;

use regex::Regex;

use crate::bleu::brevity;
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
    let matches: Vec<usize> = (1..=orders)
        .map(|n| shared_grams(&hypothesis, &reference, n))
        .collect();
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

/// The tokenizer `13a`: tokens are what stands between white space of the result.
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
    use super::*;

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
}
