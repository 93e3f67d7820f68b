//! The 25 checks on a text that is not blank.

use regex::{Regex, RegexBuilder};
use serde::de::IgnoredAny;

use super::case::{is_lower, is_upper};
use super::instruction::{Instruction, Relation};
use super::sentences::sentence_count;
use super::words::{capital_word_count, word_count};
use crate::python::{self, strip};

/// Whether `text` follows `instruction`.
pub(super) fn follows(instruction: &Instruction, text: &str) -> bool {
    match instruction {
        Instruction::Keywords { keywords } => keywords.iter().all(|word| 0 < count(word, text)),
        Instruction::KeywordFrequency {
            relation,
            keyword,
            frequency,
        } => holds(*relation, count(keyword, text), *frequency),
        Instruction::ForbiddenWords { forbidden_words } => forbidden_words
            .iter()
            .all(|word| count(&format!(r"\b{word}\b"), text) == 0),
        Instruction::LetterFrequency {
            let_relation,
            letter,
            let_frequency,
        } => {
            let (text, letter) = (text.to_lowercase(), letter.to_lowercase());
            holds(*let_relation, text.matches(&letter).count(), *let_frequency)
        }
        Instruction::Language { language } => is_language(text, language),
        Instruction::Sentences {
            relation,
            num_sentences,
        } => holds(*relation, sentence_count(text), *num_sentences),
        Instruction::Paragraphs { num_paragraphs } => {
            starred_paragraphs(text) == Some(*num_paragraphs)
        }
        Instruction::Words {
            relation,
            num_words,
        } => holds(*relation, word_count(text), *num_words),
        Instruction::ParagraphFirstWord {
            first_word,
            num_paragraphs,
            nth_paragraph,
        } => {
            paragraphs(text) == *num_paragraphs
                && opening(text, *nth_paragraph).as_deref() == Some(&*first_word.to_lowercase())
        }
        Instruction::CapitalWords {
            capital_relation,
            capital_frequency,
        } => holds(
            *capital_relation,
            capital_word_count(text),
            *capital_frequency,
        ),
        Instruction::EnglishCapital {} => is_upper(text) && is_language(text, "en"),
        Instruction::EnglishLowercase {} => is_lower(text) && is_language(text, "en"),
        Instruction::RepeatPrompt { prompt_to_repeat } => strip(text)
            .to_lowercase()
            .starts_with(&strip(prompt_to_repeat).to_lowercase()),
        Instruction::End { end_phrase } => {
            let text = strip(text).trim_matches('"').to_lowercase();
            text.ends_with(&strip(end_phrase).to_lowercase())
        }
        Instruction::NoComma {} => !text.contains(','),
        other => has_format(other, text),
    }
}

/// The checks of marks inside the text.
fn has_format(instruction: &Instruction, text: &str) -> bool {
    match instruction {
        Instruction::Placeholders { num_placeholders } => {
            *num_placeholders <= count(r"\[.*?\]", text)
        }
        Instruction::Postscript { postscript_marker } => has_postscript(text, postscript_marker),
        Instruction::Bullets { num_bullets } => {
            count(r"(?m)^\s*\*[^\*].*$", text) + count(r"(?m)^\s*-.*$", text) == *num_bullets
        }
        Instruction::ConstrainedResponse {} => ["yes", "no", "maybe"]
            .iter()
            .any(|answer| text.contains(&format!("My answer is {answer}."))),
        Instruction::Highlights { num_highlights } => *num_highlights <= highlights(text),
        Instruction::Sections {
            section_spliter,
            num_sections,
        } => {
            // Sections lie behind the headings, so that there are as many as headings.
            let heading = format!(r"(?-i:\s?{section_spliter}\s?\d+\s?)");
            *num_sections <= count(&heading, text)
        }
        Instruction::Json {} => is_json(text),
        Instruction::Title {} => found(r"<<[^\n]+>>", text)
            .iter()
            .any(|title| !strip(title.trim_start_matches('<').trim_end_matches('>')).is_empty()),
        Instruction::TwoResponses {} => two_responses(text),
        Instruction::Quotation {} => {
            let text = strip(text);
            1 < text.len() && text.starts_with('"') && text.ends_with('"')
        }
        _ => false,
    }
}

fn holds(relation: Relation, count: usize, bound: usize) -> bool {
    match relation {
        Relation::LessThan => count < bound,
        Relation::AtLeast => bound <= count,
    }
}

/// The matches of a rule of the data set, case ignored; one that is no regular expression is
/// looked for as it stands.
fn found<'a>(rule: &str, text: &'a str) -> Vec<&'a str> {
    let build = |rule: &str| RegexBuilder::new(rule).case_insensitive(true).build();
    let rule = build(rule).or_else(|_| build(&regex::escape(rule)));
    rule.iter()
        .flat_map(|rule| rule.find_iter(text))
        .map(|one| one.as_str())
        .collect()
}

fn count(rule: &str, text: &str) -> usize {
    found(rule, text).len()
}

/// Paragraphs between `***`; none where one between two others is blank.
fn starred_paragraphs(text: &str) -> Option<usize> {
    let rule = Regex::new(r"\s?\*\*\*\s?").ok()?;
    let parts: Vec<&str> = rule.split(text).collect();
    let mut counted = parts.len();
    for (i, part) in parts.iter().enumerate() {
        if strip(part).is_empty() {
            if i != 0 && i != parts.len() - 1 {
                return None;
            }
            counted -= 1;
        }
    }
    Some(counted)
}

/// Paragraphs between blank lines that are not blank.
fn paragraphs(text: &str) -> usize {
    text.split("\n\n")
        .filter(|part| !strip(part).is_empty())
        .count()
}

/// The first word of a paragraph, counted from 1 with the blank ones, up to its first mark.
fn opening(text: &str, nth: usize) -> Option<String> {
    if paragraphs(text) < nth {
        return None;
    }
    let paragraph = text.split("\n\n").nth(nth.checked_sub(1)?)?;
    let word = python::split(paragraph).next()?;
    let word = word.trim_start_matches('\'').trim_start_matches('"');
    let end = word
        .find(['.', ',', '?', '!', '\'', '"'])
        .unwrap_or(word.len());
    Some(word[..end].to_lowercase())
}

fn has_postscript(text: &str, marker: &str) -> bool {
    let rule = match marker {
        "P.P.S" => r"(?m)\s*p\.\s?p\.\s?s.*$".to_owned(),
        "P.S." => r"(?m)\s*p\.\s?s\..*$".to_owned(),
        other => format!(r"(?m)\s*{}.*$", other.to_lowercase()),
    };
    0 < count(&rule, &text.to_lowercase())
}

/// Texts between single and between double asterisks that are not blank, both counted.
fn highlights(text: &str) -> usize {
    let single = found(r"\*[^\n\*]*\*", text);
    let double = found(r"\*\*[^\n\*]*\*\*", text);
    let filled = |one: &&str| !strip(one.trim_matches('*')).is_empty();
    single.into_iter().filter(filled).count() + double.into_iter().filter(filled).count()
}

fn two_responses(text: &str) -> bool {
    let parts: Vec<&str> = text.split("******").map(strip).collect();
    let last = parts.len() - 1;
    let blank_inside = parts
        .iter()
        .enumerate()
        .any(|(i, part)| part.is_empty() && i != 0 && i != last);
    let filled: Vec<&&str> = parts.iter().filter(|part| !part.is_empty()).collect();
    !blank_inside && filled.len() == 2 && filled[0] != filled[1]
}

/// Python's parser also takes three numbers that JSON does not have.
fn is_json(text: &str) -> bool {
    let mut text = strip(text);
    for fence in ["```json", "```Json", "```JSON", "```"] {
        text = text.strip_prefix(fence).unwrap_or(text);
    }
    let text = strip(text.strip_suffix("```").unwrap_or(text));
    // Strings first, so that a word inside one is left alone.
    let Ok(words) = Regex::new(r#""(?:[^"\\]|\\.)*"|-?Infinity|NaN"#) else {
        return false;
    };
    let plain = words.replace_all(text, |found: &regex::Captures| {
        if found[0].starts_with('"') {
            found[0].to_owned()
        } else {
            "0".to_owned()
        }
    });
    serde_json::from_str::<IgnoredAny>(&plain).is_ok()
}

/// ISO 639-1 codes as langdetect gives them, and the ISO 639-3 codes of `whatlang`.
const LANGUAGES: &str = "af:afr ar:ara bg:bul bn:ben ca:cat cs:ces cy:cym da:dan de:deu el:ell \
    en:eng es:spa et:est fa:pes fi:fin fr:fra gu:guj he:heb hi:hin hr:hrv hu:hun id:ind it:ita \
    ja:jpn kn:kan ko:kor lt:lit lv:lav mk:mkd ml:mal mr:mar ne:nep nl:nld no:nob pa:pan pl:pol \
    pt:por ro:ron ru:rus sk:slk sl:slv sv:swe ta:tam te:tel th:tha tl:tgl tr:tur uk:ukr ur:urd \
    vi:vie zh-cn:cmn zh-tw:cmn";

/// Whether `text` is in a language, an ISO 639-1 code; true of a text without letters.
///
/// False of a language that `whatlang` does not know, of which the data set asks for Swahili alone.
fn is_language(text: &str, code: &str) -> bool {
    let Some(found) = whatlang::detect_lang(text) else {
        return true;
    };
    let known = LANGUAGES.split(' ').filter_map(|pair| pair.split_once(':'));
    known
        .filter(|(short, _)| *short == code)
        .any(|(_, long)| long == found.code())
}
