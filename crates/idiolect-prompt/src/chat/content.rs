//! Telling message text from markup in what a chat template renders.
//!
//! The messages are rendered a second time with every character that is not white space replaced
//! by a stand-in from the supplementary private use areas. Trimming, slicing and joining treat both
//! alike, so message text is where the stand-ins come out. A template that looks into its messages
//! renders the two differently; then no text is marked as content.

use std::ops::Range;

use crate::{Piece, Rendered, Segment};

/// First character of the two supplementary private use planes, and how many one plane holds.
const FIRST: u32 = 0xF_0000;
const STAND_INS: usize = 0xFFFE;

/// Stand-ins for the characters of some texts.
#[derive(Debug)]
pub(crate) struct StandIns {
    /// The characters, sorted; the index of a character is that of its stand-in.
    chars: Vec<char>,
}

/// Rendered text with the places that come out of messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) text: String,
    /// Byte ranges in order, apart from each other.
    pub(crate) content: Vec<Range<usize>>,
}

impl StandIns {
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

    /// The text with stand-ins for its characters.
    pub(crate) fn replace(&self, text: &str) -> String {
        text.chars()
            .map(|char| self.stand_in(char).unwrap_or(char))
            .collect()
    }

    /// The original text, with the places of stand-ins and of white space between them as content.
    pub(crate) fn restore(&self, replaced: &str) -> Marked {
        let mut out = Marked::default();
        let mut open = false;
        for char in replaced.chars() {
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

impl Marked {
    /// The text cut wherever it begins or ceases to be a message's or trained.
    pub(crate) fn segments(&self, trained: &[Range<usize>]) -> Rendered {
        let end = self.text.len();
        let edges = trained
            .iter()
            .chain(&self.content)
            .flat_map(|range| [range.start, range.end]);
        let mut cuts: Vec<usize> = edges.chain([0, end]).filter(|&at| at <= end).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let segments: Vec<Segment> = cuts
            .windows(2)
            .map(|edges| self.segment(edges[0]..edges[1], trained))
            .collect();
        let pieces = if segments.is_empty() {
            Vec::new()
        } else {
            vec![Piece::Text(segments)]
        };
        Rendered { pieces }
    }

    fn segment(&self, at: Range<usize>, trained: &[Range<usize>]) -> Segment {
        let within = |ranges: &[Range<usize>]| ranges.iter().any(|range| range.contains(&at.start));
        Segment {
            text: self.text[at.clone()].to_owned(),
            trained: within(trained),
            content: within(&self.content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_text_comes_back_with_its_places() {
        let stand_ins = StandIns::of(["a b", "\u{F0001}é"].into_iter()).unwrap();
        let replaced = format!(
            "<u> {} \n<a>{}",
            stand_ins.replace("a b"),
            stand_ins.replace("\u{F0001}é")
        );
        let restored = stand_ins.restore(&replaced);
        assert_eq!(restored.text, "<u> a b \n<a>\u{F0001}é");
        let parts: Vec<_> = restored
            .content
            .iter()
            .map(|range| &restored.text[range.clone()])
            .collect();
        assert_eq!(parts, ["a b", "\u{F0001}é"]);
    }
}
