//! Text from outside as it may reach a terminal or a page: nothing that is acted on, and not without end.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal would act on a character, or it changes how others are shown: controls, and the
/// characters of Unicode that turn the direction of text.
pub(crate) fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text in one line of at most `most` characters: what a terminal would act on is escaped (`\u{1b}`),
/// line breaks too, and what is longer is cut with a word on how much was.
#[must_use]
pub fn shown(text: &str, most: usize) -> Cow<'_, str> {
    made_safe(text, most, is_unsafe)
}

/// The text as [`shown`], with its line breaks and tabs left as they are.
#[must_use]
pub fn shown_text(text: &str, most: usize) -> Cow<'_, str> {
    made_safe(text, most, |char| {
        !matches!(char, '\n' | '\t') && is_unsafe(char)
    })
}

fn made_safe(text: &str, most: usize, escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    let cut = text.char_indices().nth(most).map(|(at, _)| at);
    let kept = &text[..cut.unwrap_or(text.len())];
    if cut.is_none() && !kept.chars().any(&escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(kept.len() + 32);
    for char in kept.chars() {
        if escaped(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    if let Some(cut) = cut {
        // Writing to a string cannot fail.
        let _ = write!(out, " ... ({} more bytes)", text.len() - cut);
    }
    Cow::Owned(out)
}
