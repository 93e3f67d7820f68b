//! Words: Punkt's tokens inside a line, Python's `\w+`, and NLTK's `word_tokenize`.
//!
//! Source: NLTK 3.10.4, the tokenizers of Punkt and of the Penn Treebank.

use std::sync::LazyLock;

use regex::Regex;

use super::sentences::sentences;
use crate::python::{self, is_space};

/// One token of Punkt, with what is known of it.
pub(super) struct Token<'a> {
    /// As it stands in the text.
    pub(super) text: &'a str,
    /// In small letters, numbers alike.
    kind: String,
    pub(super) ends_sentence: bool,
    pub(super) is_abbreviation: bool,
    pub(super) is_ellipsis: bool,
}

impl<'a> Token<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        static NUMBER: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"^-?[.,]?\d[\d,.-]*\.?$").ok());
        let kind = text.to_lowercase();
        let number = NUMBER.as_ref().is_some_and(|rule| rule.is_match(&kind));
        Self {
            text,
            kind: if number {
                "##number##".to_owned()
            } else {
                kind
            },
            ends_sentence: false,
            is_abbreviation: false,
            is_ellipsis: false,
        }
    }

    pub(super) fn kind_without_stop(&self) -> &str {
        match self.kind.strip_suffix('.') {
            Some(shorter) if !shorter.is_empty() => shorter,
            _ => &self.kind,
        }
    }

    /// The kind without the full stop that ends a sentence.
    pub(super) fn kind_inside(&self) -> &str {
        if self.ends_sentence {
            self.kind_without_stop()
        } else {
            &self.kind
        }
    }

    /// One letter and a full stop.
    pub(super) fn is_initial(&self) -> bool {
        let mut chars = self.text.chars();
        let letter = chars
            .next()
            .is_some_and(|c| c == '_' || (c.is_alphanumeric() && !c.is_numeric()));
        letter && chars.next() == Some('.') && chars.next().is_none()
    }

    pub(super) fn starts_upper(&self) -> bool {
        self.text.starts_with(char::is_uppercase)
    }

    pub(super) fn starts_lower(&self) -> bool {
        self.text.starts_with(char::is_lowercase)
    }
}

/// Whether Punkt ends a word before this character.
pub(super) fn ends_word(c: char) -> bool {
    ")\";}]*:@'({[?!”’»".contains(c)
}

/// Length of a run of dashes, of full stops, or of full stops apart by spaces at the head.
pub(super) fn multi(text: &str) -> Option<usize> {
    static RULE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\A(?:-{2,}|\.{2,}|(?:\.[\s\x1c-\x1f]){2,}\.)").ok());
    RULE.as_ref()?.find(text).map(|found| found.end())
}

/// Punkt's tokens of `text`, line by line.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    for line in text.split('\n') {
        let mut rest = line.trim_start_matches(is_space);
        while let Some(first) = rest.chars().next() {
            let end = multi(rest).unwrap_or_else(|| {
                let word = (!"(\"`{[:;&#*@)}]-,".contains(first)).then(|| word_end(rest));
                word.flatten().unwrap_or(first.len_utf8())
            });
            all.push(&rest[..end]);
            rest = rest[end..].trim_start_matches(is_space);
        }
    }
    all
}

/// Where the word at the head ends, one character long at least.
fn word_end(text: &str) -> Option<usize> {
    let ends = |rest: &str| {
        let next = rest.chars().next();
        next.is_none_or(|c| is_space(c) || ends_word(c)) || multi(rest).is_some()
    };
    text.char_indices()
        .skip(1)
        .map(|(at, _)| at)
        .chain([text.len()])
        .find(|&at| {
            let rest = &text[at..];
            ends(rest) || rest.strip_prefix(',').is_some_and(ends)
        })
}

/// How many words `text` has: runs of letters, marks, decimal digits and underscores.
///
/// Fractions and superscripts are no part of words: NLTK reads `\w` so, plain Python does not.
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

/// How many words are in capitals, of those that NLTK's `word_tokenize` gives.
pub(super) fn capital_word_count(text: &str) -> usize {
    let count = |sentence: &str| {
        let spaced = treebank(sentence);
        python::split(&spaced)
            .filter(|word| super::checks::is_upper(word))
            .count()
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
        assert_eq!(multi("..."), Some(3));
        assert_eq!(Token::new("-1,000.").kind_inside(), "##number##");
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
