//! Rendered messages: text and special tokens, each with the mark of being trained.
//!
//! Deliberately no token ids: which ids a piece has is for the tokenizer to say.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A stretch of text of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The text itself.
    pub text: String,
    /// Whether the loss counts this text.
    ///
    /// In a prompt, earlier responses carry the mark too: it counts for nothing there, and makes a
    /// prompt encode exactly as the beginning of its example.
    pub trained: bool,
    /// Whether the text comes out of a message.
    /// Special tokens spelt in such text are plain text and never markup.
    pub content: bool,
}

/// A token that is named and not spelt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Special {
    /// Beginning of text; nothing for a tokenizer that puts none before a text.
    Bos,
    /// End of text, whatever its spelling.
    Eos,
    /// A special token by its spelling.
    Named(String),
}

/// One unit of encoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// Segments that are encoded together, as one string.
    Text(Vec<Segment>),
    /// One special token.
    Special {
        /// Which token.
        token: Special,
        /// Whether the loss counts it.
        trained: bool,
    },
}

/// Messages in the form that a tokenizer takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// The pieces in order; each is encoded by itself.
    pub pieces: Vec<Piece>,
}

impl Rendered {
    /// The whole text, with `bos` and `eos` in the places of those tokens.
    #[must_use]
    pub fn text(&self, bos: &str, eos: &str) -> String {
        self.collect(bos, eos, |_| true)
    }

    /// Only the trained text, all spans joined.
    #[must_use]
    pub fn trained_text(&self, bos: &str, eos: &str) -> String {
        self.collect(bos, eos, |trained| trained)
    }

    /// With words that open the answer, behind a space where the text before does not end in white space; they are
    /// encoded with what stands before them.
    #[must_use]
    pub fn with_opening(mut self, words: &str) -> Self {
        let ends_in_word = |segments: &[Segment]| {
            let last = segments.last().and_then(|last| last.text.chars().last());
            last.is_some_and(|last| !last.is_whitespace())
        };
        if words.is_empty() {
            return self;
        }
        let segment = |space: &str| Segment {
            text: format!("{space}{words}"),
            trained: false,
            content: false,
        };
        match self.pieces.last_mut() {
            Some(Piece::Text(before)) => {
                let space = if ends_in_word(before) { " " } else { "" };
                before.push(segment(space));
            }
            _ => self.pieces.push(Piece::Text(vec![segment("")])),
        }
        self
    }

    fn collect(&self, bos: &str, eos: &str, keep: impl Fn(bool) -> bool) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(segments) => {
                    let kept = segments.iter().filter(|segment| keep(segment.trained));
                    out.extend(kept.map(|segment| segment.text.as_str()));
                }
                Piece::Special { token, trained } if keep(*trained) => out.push_str(match token {
                    Special::Bos => bos,
                    Special::Eos => eos,
                    Special::Named(name) => name,
                }),
                Piece::Special { .. } => {}
            }
        }
        out
    }

    /// Puts text at the end: into the last piece if that is text and `joined` is set, else as a
    /// piece of its own. Neighbours of one kind become one segment.
    pub(crate) fn push_text(&mut self, segments: Vec<Segment>, joined: bool) {
        let segments = segments
            .into_iter()
            .filter(|segment| !segment.text.is_empty());
        let mut target = match self.pieces.last() {
            Some(Piece::Text(_)) if joined => match self.pieces.pop() {
                Some(Piece::Text(open)) => open,
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        for segment in segments {
            match target.last_mut() {
                Some(last)
                    if (last.trained, last.content) == (segment.trained, segment.content) =>
                {
                    last.text.push_str(&segment.text);
                }
                _ => target.push(segment),
            }
        }
        if !target.is_empty() {
            self.pieces.push(Piece::Text(target));
        }
    }
}

/// The whole text with `<bos>` and `<eos>` for those tokens: for people and hashes, not for models.
impl fmt::Display for Rendered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text("<bos>", "<eos>"))
    }
}
