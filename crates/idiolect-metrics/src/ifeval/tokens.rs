//! The tokens that Punkt finds in a line of English.
//!
//! Source: NLTK 3.10.4, its Punkt tokenizer.

use std::sync::LazyLock;

use regex::Regex;

use crate::python::is_space;

/// One token, and what Punkt has found out about it.
pub(super) struct Token<'a> {
    /// As it is in the text.
    pub(super) text: &'a str,
    /// Its text in small letters, or one name for all numbers.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_compile() {
        assert_eq!(multi("..."), Some(3));
        assert_eq!(Token::new("-1,000.").kind_inside(), "##number##");
    }
}
