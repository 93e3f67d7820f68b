//! White space as Python counts it.
//!
//! The reference scores are Python programs: their `strip`, `split` and `\s` take the four
//! separators U+001C to U+001F for white space, which Rust's `trim` and `\s` do not.
//! Otherwise the two sets agree.

/// Whether Python's `str.isspace` holds for this one character.
#[must_use]
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `str.strip()`.
#[must_use]
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str.split()`: the stretches between white space, without empty ones.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_ascii_separators_are_white_space() {
        assert_eq!(strip("\u{1c}a\u{1f}b\u{a0}\u{3000}"), "a\u{1f}b");
        assert_eq!(
            split("a\u{1d}b \u{1e} c").collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
    }

    #[test]
    fn a_zero_width_space_is_not() {
        assert_eq!(strip("\u{200b}a"), "\u{200b}a");
    }
}
