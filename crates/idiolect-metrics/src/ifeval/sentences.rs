//! Sentences as NLTK finds them in English.
//!
//! Source: NLTK 3.10.4, its Punkt sentence splitter (T. Kiss and J. Strunk, "Unsupervised
//! Multilingual Sentence Boundary Detection", 2006) with the tables of `punkt_tab/english`.
//! The tables are data of the crate (`assets/punkt_english.json`); they are not learned here.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::tokens::{Token, ends_word, tokens};
use crate::python::is_space;

/// How a word was seen in the text that the tables were learned from, as bits.
const UPPER_INSIDE: u8 = 1 << 2;
const LOWER_OPENING: u8 = 1 << 4;
const ANY_UPPER: u8 = (1 << 1) | UPPER_INSIDE | (1 << 3);
const ANY_LOWER: u8 = LOWER_OPENING | (1 << 5) | (1 << 6);

/// What Punkt learned of English.
#[derive(Deserialize, Default)]
struct Tables {
    abbrev_types: HashSet<String>,
    sent_starters: HashSet<String>,
    collocations: HashSet<(String, String)>,
    ortho_context: HashMap<String, u8>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../assets/punkt_english.json")).unwrap_or_default()
});

/// Closing marks at the head of a sentence that belong to the one before.
static CLOSING: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?m)\A["')\]}”’»]+?(?:[\s\x1c-\x1f]+|--|$)"#).ok());

/// How many sentences `text` has by Punkt's English model; text without any mark is one.
#[must_use]
pub fn sentence_count(text: &str) -> usize {
    sentences(text).len()
}

/// The sentences of `text`, without the white space between them.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut slices = Vec::new();
    let mut start = 0;
    for end in candidates(text) {
        if is_break(end.context) {
            slices.push(start..end.after);
            start = end.next_word.unwrap_or(end.after);
        }
    }
    slices.push(start..text.trim_end_matches(is_space).len().max(start));
    realign(text, &slices)
}

/// A mark that may end a sentence.
struct Candidate<'a> {
    /// The word before the mark, the mark, and what follows up to the end of the next word.
    context: &'a str,
    /// Where the mark ends.
    after: usize,
    /// Where the next word begins, when white space is between.
    next_word: Option<usize>,
}

/// All marks that white space and a word, or another mark, follow; of several after one word the
/// last.
fn candidates(text: &str) -> Vec<Candidate<'_>> {
    let mut all: Vec<Candidate> = Vec::new();
    let mut word = (0, 0);
    for (at, _) in text.match_indices(['.', '?', '!']) {
        let after = at + 1;
        let rest = &text[after..];
        let spaces = rest.len() - rest.trim_start_matches(is_space).len();
        let next_word = (0 < spaces && spaces < rest.len()).then_some(after + spaces);
        let end = match (next_word, rest.chars().next()) {
            (Some(from), _) => from + text[from..].find(is_space).unwrap_or(text.len() - from),
            (None, Some(mark)) if ends_word(mark) => after + mark.len_utf8(),
            _ => continue,
        };
        let from = match text[word.1..at].rfind(|c: char| c.is_ascii() && is_space(c)) {
            Some(space) if 0 < space => word.1 + space + 1,
            _ => word.0,
        };
        if from < word.1 {
            all.pop();
        }
        word = (from, at);
        all.push(Candidate {
            context: &text[from..end],
            after,
            next_word,
        });
    }
    all
}

/// Whether a token of `context` ends a sentence and is followed by another token.
fn is_break(context: &str) -> bool {
    let mut all: Vec<Token> = tokens(context).into_iter().map(first_look).collect();
    for i in 1..all.len() {
        let (before, next) = all.split_at_mut(i);
        if let (Some(token), Some(next)) = (before.last_mut(), next.first()) {
            second_look(token, next);
            if token.ends_sentence {
                return true;
            }
        }
    }
    false
}

/// What a token is by itself.
fn first_look(text: &str) -> Token<'_> {
    let mut token = Token::new(text);
    if matches!(text, "." | "?" | "!") {
        token.ends_sentence = true;
    } else if text.len() >= 2 && text.bytes().all(|byte| byte == b'.') {
        token.is_ellipsis = true;
    } else if text.ends_with('.') && !text.ends_with("..") {
        let word = text[..text.len() - 1].to_lowercase();
        let known = |word: &str| TABLES.abbrev_types.contains(word);
        token.is_abbreviation = known(&word) || word.rsplit('-').next().is_some_and(known);
        token.ends_sentence = !token.is_abbreviation;
    }
    token
}

/// What a token with a full stop is before `next`.
fn second_look(token: &mut Token, next: &Token) {
    if !token.text.ends_with('.') {
        return;
    }
    let (kind, next_kind) = (token.kind_without_stop(), next.kind_inside());
    if TABLES
        .collocations
        .contains(&(kind.to_owned(), next_kind.to_owned()))
    {
        token.ends_sentence = false;
        return;
    }
    let (opens, initial) = (opens_sentence(next), token.is_initial());
    if (token.is_abbreviation || token.is_ellipsis) && !initial {
        let starter = next.starts_upper() && TABLES.sent_starters.contains(next_kind);
        if opens == Some(true) || starter {
            token.ends_sentence = true;
            return;
        }
    }
    if !initial && kind != "##number##" {
        return;
    }
    let never_lower = next.starts_upper() && seen(next_kind) & ANY_LOWER == 0;
    if opens == Some(false) || (opens.is_none() && initial && never_lower) {
        token.ends_sentence = false;
    }
}

fn seen(kind: &str) -> u8 {
    TABLES.ortho_context.get(kind).copied().unwrap_or(0)
}

/// Whether the way a token is written tells that it opens a sentence; none where it does not tell.
fn opens_sentence(token: &Token) -> Option<bool> {
    if matches!(token.text, ";" | ":" | "," | "." | "!" | "?") {
        return Some(false);
    }
    let seen = seen(token.kind_inside());
    if token.starts_upper() && seen & ANY_LOWER != 0 && seen & UPPER_INSIDE == 0 {
        return Some(true);
    }
    let lower = token.starts_lower() && (seen & ANY_UPPER != 0 || seen & LOWER_OPENING == 0);
    lower.then_some(false)
}

/// Gives closing quotes and brackets to the sentence that they close.
fn realign<'a>(text: &'a str, slices: &[Range<usize>]) -> Vec<&'a str> {
    let mut sentences = Vec::new();
    let mut moved = 0;
    for (i, slice) in slices.iter().enumerate() {
        let start = slice.start + moved;
        moved = 0;
        let mut sentence = text.get(start..slice.end).unwrap_or_default();
        if let Some(next) = slices.get(i + 1)
            && let Some(closing) = closing_marks(&text[next.clone()])
        {
            sentence = &text[start..next.start + closing.marks];
            moved = closing.with_space;
        }
        sentences.extend(Some(sentence).filter(|sentence| !sentence.is_empty()));
    }
    sentences
}

/// The closing marks at the beginning of a sentence, in bytes.
struct ClosingMarks {
    marks: usize,
    /// The same with the white space behind them.
    with_space: usize,
}

fn closing_marks(sentence: &str) -> Option<ClosingMarks> {
    let found = CLOSING.as_ref()?.find(sentence)?.as_str();
    // A dash pair ends the marks without being part of them.
    let found = found.strip_suffix("--").unwrap_or(found);
    Some(ClosingMarks {
        marks: found.trim_end_matches(is_space).len(),
        with_space: found.len(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_tables_are_whole() {
        let lengths = [TABLES.abbrev_types.len(), TABLES.sent_starters.len()];
        assert_eq!(lengths, [156, 39]);
        assert_eq!(
            (TABLES.collocations.len(), TABLES.ortho_context.len()),
            (37, 20_366)
        );
        assert!(CLOSING.is_some());
    }

    #[test]
    fn abbreviations_and_initials_end_no_sentence() {
        for (text, expected) in [
            (
                "Dr. Smith met J. Doe. They left.",
                "Dr. Smith met J. Doe.|They left.",
            ),
            ("He said \"no.\" She went.", "He said \"no.\"|She went."),
            ("Wait... what? Yes!", "Wait... what?|Yes!"),
            ("“Advanced Care.” The end.", "“Advanced Care.”|The end."),
            ("no mark", "no mark"),
            ("", ""),
        ] {
            assert_eq!(sentences(text).join("|"), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn only_white_space_is_between_sentences(text in "[a-dA-D.?! \n\"')é-]{0,60}") {
            let letters = |text: &str| text.replace(is_space, "");
            prop_assert_eq!(letters(&sentences(&text).concat()), letters(&text));
        }
    }
}
