//! Telling message text from markup in what a chat template renders.
//!
//! The messages are rendered a second time with every character that is not white space replaced
//! by a stand-in from the supplementary private use areas. Trimming, slicing and joining treat both
//! alike, so where the stand-ins come out is where message text is. A template that looks into its
//! messages renders the two differently; then nothing is claimed.

use std::ops::Range;

/// First character of the two supplementary private use planes, and how many one plane holds.
const FIRST: u32 = 0xF_0000;
const STAND_INS: usize = 0xFFFE;

/// Stand-ins for the characters of some texts.
#[derive(Debug)]
pub(crate) struct Disguise {
    /// The characters, sorted; a character's place is its stand-in's.
    chars: Vec<char>,
}

/// Text with the places that come out of messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Revealed {
    pub(crate) text: String,
    /// Byte ranges in order, apart from each other.
    pub(crate) content: Vec<Range<usize>>,
}

impl Disguise {
    /// Stand-ins for all these texts, or nothing when they have too many different characters.
    pub(crate) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut chars: Vec<char> = texts
            .flat_map(str::chars)
            .filter(|char| !char.is_whitespace())
            .collect();
        chars.sort_unstable();
        chars.dedup();
        (chars.len() <= STAND_INS).then_some(Self { chars })
    }

    /// The text in stand-ins.
    pub(crate) fn hide(&self, text: &str) -> String {
        text.chars()
            .map(|char| self.stand_in(char).unwrap_or(char))
            .collect()
    }

    /// The text behind stand-ins, and where they stood, white space between them included.
    pub(crate) fn reveal(&self, hidden: &str) -> Revealed {
        let mut out = Revealed::default();
        let mut open = false;
        for char in hidden.chars() {
            let start = out.text.len();
            let original = self.original(char);
            out.text.push(original.unwrap_or(char));
            if original.is_some() {
                match out.content.last_mut() {
                    Some(last) if open => last.end = out.text.len(),
                    _ => out.content.push(start..out.text.len()),
                }
                open = true;
            } else {
                open = open && char.is_whitespace();
            }
        }
        out
    }

    fn stand_in(&self, char: char) -> Option<char> {
        let place = self.chars.binary_search(&char).ok()?;
        char::from_u32(FIRST + u32::try_from(place).ok()?)
    }

    fn original(&self, char: char) -> Option<char> {
        let place = u32::from(char).checked_sub(FIRST)?;
        self.chars.get(usize::try_from(place).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_text_comes_back_with_its_places() {
        let disguise = Disguise::of(["a b", "\u{F0001}é"].into_iter()).unwrap();
        let hidden = format!(
            "<u> {} \n<a>{}",
            disguise.hide("a b"),
            disguise.hide("\u{F0001}é")
        );
        let revealed = disguise.reveal(&hidden);
        assert_eq!(revealed.text, "<u> a b \n<a>\u{F0001}é");
        let parts: Vec<_> = revealed
            .content
            .iter()
            .map(|range| &revealed.text[range.clone()])
            .collect();
        assert_eq!(parts, ["a b", "\u{F0001}é"]);
    }
}
