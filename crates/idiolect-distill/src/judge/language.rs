//! In which language a text is written, where that can be told.
//!
//! The detector is whatlang's, by trigrams; short texts, code, numbers and names tell it little, so
//! that its word counts only where it calls itself reliable.

use whatlang::{Lang, detect};

/// The fewest letters of a text whose language is told.
///
/// Caution and not a measurement: on the sets of `tests/language.rs` a limit of 1 refuses the same
/// rewrites.
pub(crate) const LETTERS: usize = 60;

/// The languages of two texts, as ISO 639-3 codes, where both can be told and differ.
pub(crate) fn changed(original: &str, rewrite: &str) -> Option<(String, String)> {
    let (old, new) = (told(original)?, told(rewrite)?);
    (old != new).then(|| (old.code().to_owned(), new.code().to_owned()))
}

fn told(text: &str) -> Option<Lang> {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let found = detect(text).filter(|_| letters >= LETTERS)?;
    found.is_reliable().then(|| found.lang())
}
