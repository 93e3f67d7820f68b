//! Words: Python's `\w+`, and NLTK's `word_tokenize`.
//!
//! Source: NLTK 3.10.4, its tokenizer of the Penn Treebank.

use std::sync::LazyLock;

use regex::Regex;

use super::case::is_upper;
use super::sentences::sentences;
use crate::python;

/// How many words `text` has: runs of letters, marks, decimal digits and underscores.
///
/// Fractions and superscripts are no part of words, as in NLTK; plain Python's `\w` includes them.
#[must_use]
pub fn word_count(text: &str) -> usize {
    static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\w+").ok());
    WORD.iter().flat_map(|rule| rule.find_iter(text)).count()
}

/// Substitutions of NLTK's Treebank tokenizer in their order, white space aside.
static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"([«“‘„]|`+)", " $1 "),
        (r#"^""#, "``"),
        (r"(``)", " $1 "),
        (r#"([ (\[{<])("|'{2})"#, "$1 `` "),
        (r"(?i)(')([\w&&[^mtsdn]])\b", "$1 $2"),
        (r#"([^.])(\.)([\]\)}>"'»”’ ]*)\s*$"#, "$1 $2 $3 "),
        (r"([:,])([^\d])", " $1 $2"),
        (r"([:,])$", " $1 "),
        (r"(\.{2,})", " $1 "),
        (r"([;@#$%&])", " $1 "),
        (r#"([^.])(\.)([\]\)}>"']*)\s*$"#, "$1 $2$3 "),
        (r"([?!])", " $1 "),
        (r"([^'])' ", "$1 ' "),
        (r"([*])", " $1 "),
        (r"([\]\[(){}<>])", " $1 "),
        (r"(--)", " $1 "),
        (r"^|$", " "),
        (r"([»”’])", " $1 "),
        (r"('')", " $1 "),
        (r#"(")"#, " '' "),
        (r"\s+", " "),
        (r"([^' ])('[sS]|'[mM]|'[dD]|') ", "$1 $2 "),
        (r"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", "$1 $2 "),
        (r"(?i)\b(can)(not)\b", " $1 $2 "),
        (r"(?i)\b(d)('ye)\b", " $1 $2 "),
        (r"(?i)\b(gim|lem)(me)\b", " $1 $2 "),
        (r"(?i)\b(gon|wan)(na)\b", " $1 $2 "),
        (r"(?i)\b(got)(ta)\b", " $1 $2 "),
        (r"(?i)\b(more)('n)\b", " $1 $2 "),
        (r"(?i) ('t)(is|was)\b", " $1 $2 "),
    ]
    .into_iter()
    .filter_map(|(rule, to)| Some((Regex::new(rule).ok()?, to)))
    .collect()
});

/// How many of the words of NLTK's `word_tokenize` are in capitals.
pub(super) fn capital_word_count(text: &str) -> usize {
    let count = |sentence: &str| {
        let spaced = treebank(sentence);
        python::split(&spaced).filter(|word| is_upper(word)).count()
    };
    sentences(text).into_iter().map(count).sum()
}

fn treebank(sentence: &str) -> String {
    RULES.iter().fold(sentence.to_owned(), |text, (rule, to)| {
        rule.replace_all(&text, *to).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles() {
        assert_eq!(RULES.len(), 30);
    }

    #[test]
    fn contractions_and_marks_are_words() {
        for (text, expected) in [
            ("CAN'T stop (NASA).", "CA N'T stop ( NASA ) ."),
            ("I cannot, U.S. or \"IT\"", "I can not , U.S. or `` IT ''"),
        ] {
            let found = treebank(text);
            assert_eq!(
                python::split(&found).collect::<Vec<_>>().join(" "),
                expected
            );
        }
        assert_eq!(capital_word_count("NASA and I. OK? No."), 3);
    }

    #[test]
    fn words_are_runs() {
        assert_eq!(word_count("don't, x_1 – naïve ¾"), 4);
    }
}
