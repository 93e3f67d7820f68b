//! Segments to token ids, each marked as trained or not.
//!
//! A piece of text is encoded as one string, as transformers would, with two exceptions.
//!
//! Where a response begins, the ids before it must be those that generation sees, which is given the prompt
//! alone. If a merge across the boundary (or a pre-tokenizer that looks ahead) changes them, the text is
//! encoded in two halves there, the second without the space that `SentencePiece` puts before a
//! text. So the ids of a prompt are always the first ids of its example.
//!
//! Special tokens spelt inside a message are plain text. Where a message spells one, the special tokens of the
//! markup are cut out first, and the rest is encoded by a vocabulary without special tokens.
//!
//! A token that crosses the edge of a trained span belongs to the side where it begins: it is trained if its
//! first byte is.

use std::ops::Range;

use idiolect_prompt::{Piece, Rendered, Segment, Special};
use serde_json::Value;

use crate::offsets::Spanned;
use crate::{IGNORE, RowProblem, TokenRow, Tokenizer, TokensError};

/// Token ids, each marked as trained or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Token ids.
    pub ids: Vec<u32>,
    /// For each id, whether the loss counts it.
    pub trained: Vec<bool>,
}

impl Tokenizer {
    /// The pieces in order, each encoded by itself.
    ///
    /// # Errors
    ///
    /// [`TokensError::Codec`]; [`TokensError::UnknownToken`] for a special token that this
    /// vocabulary lacks; [`TokensError::DoubleBos`] when template and tokenizer both begin the
    /// text.
    pub fn encode(&self, rendered: &Rendered) -> Result<Encoded, TokensError> {
        let mut out = Encoded::default();
        for piece in &rendered.pieces {
            match piece {
                Piece::Text(segments) => self.encode_segments(segments, &mut out)?,
                Piece::Special { token, trained } => {
                    if let Some(id) = self.special_id(token)? {
                        out.push(id, *trained);
                    }
                }
            }
        }
        match (out.ids.as_slice(), self.bos_token()) {
            ([first, second, ..], Some(bos))
                if *first == bos && *second == bos && self.eos() != Some(bos) =>
            {
                Err(TokensError::DoubleBos {
                    token: self.token(bos).unwrap_or_default(),
                })
            }
            _ => Ok(out),
        }
    }

    /// A text without changes: special tokens in it are recognised, and none is added.
    ///
    /// # Errors
    ///
    /// [`TokensError::Codec`].
    pub fn encode_text(&self, text: &str) -> Result<Vec<u32>, TokensError> {
        let tokens = self
            .markup_tokens(text, false)
            .map_err(|source| TokensError::Codec { source })?;
        Ok(tokens.into_iter().map(|token| token.id).collect())
    }

    /// An example as a row to train on; `ends` are tokens that end a response beside the end of text, which need not
    /// be marked as special.
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode); [`TokensError::Row`] when nothing is trained, or when a
    /// response does not end with the end of text, one of `ends` or another special token.
    pub fn example_row(
        &self,
        id: Value,
        rendered: &Rendered,
        ends: &[u32],
    ) -> Result<TokenRow, TokensError> {
        let Encoded { ids, trained } = self.encode(rendered)?;
        let open_end = (0..ids.len()).find(|&at| {
            let is_last = trained[at] && !trained.get(at + 1).copied().unwrap_or(false);
            let is_end = |id| self.eos() == Some(id) || ends.contains(&id) || self.is_special(id);
            is_last && !is_end(ids[at])
        });
        if let Some(at) = open_end {
            let (token, text) = (ids[at], self.decode(&ids[at..=at], false)?);
            return Err(TokensError::Row {
                id,
                problem: RowProblem::NoEndOfTurn { token, text },
            });
        }
        let label = |(&id, &trained): (&u32, &bool)| if trained { i64::from(id) } else { IGNORE };
        let labels = ids.iter().zip(&trained).map(label).collect();
        let row = TokenRow {
            id,
            input_ids: ids,
            labels,
            teacher: Vec::new(),
        };
        if row.trained_tokens() == 0 {
            let problem = RowProblem::NoTrainedToken;
            return Err(TokensError::Row {
                id: row.id,
                problem,
            });
        }
        Ok(row)
    }

    fn special_id(&self, token: &Special) -> Result<Option<u32>, TokensError> {
        let unknown = |token: &str, role| TokensError::UnknownToken {
            token: token.into(),
            role,
        };
        match token {
            Special::Bos => Ok(self.bos()),
            Special::Eos => self
                .eos()
                .ok_or_else(|| unknown("eos", "end of text"))
                .map(Some),
            Special::Named(name) => self
                .id_of(name)
                .ok_or_else(|| unknown(name, "part of the template"))
                .map(Some),
        }
    }

    /// One string, cut where a response begins if its prompt would otherwise change.
    fn encode_segments(&self, segments: &[Segment], out: &mut Encoded) -> Result<(), TokensError> {
        let begins = |at: &usize| segments[*at].trained && !segments[*at - 1].trained;
        let ends = (1..segments.len()).filter(begins).chain([segments.len()]);
        let (mut start, mut done, mut current) = (0, 0, Encoded::default());
        for end in ends {
            let joined = self.encode_run(&segments[start..end], start > 0)?;
            if joined.ids.starts_with(&current.ids) {
                current = joined;
            } else {
                out.append(&current);
                start = done;
                current = self.encode_run(&segments[start..end], true)?;
            }
            done = end;
        }
        out.append(&current);
        Ok(())
    }

    /// One string; `continues` where it is the second half of another.
    fn encode_run(&self, segments: &[Segment], continues: bool) -> Result<Encoded, TokensError> {
        let (mut text, mut trained, mut content) = (String::new(), Vec::new(), Vec::new());
        for segment in segments {
            let start = text.len();
            text.push_str(&segment.text);
            if segment.trained {
                trained.push(start..text.len());
            }
            if segment.content {
                content.push(start..text.len());
            }
        }
        let codec = |source| TokensError::Codec { source };
        let mut tokens = self.markup_tokens(&text, continues).map_err(codec)?;
        if tokens
            .iter()
            .any(|token| self.is_special(token.id) && overlaps(&content, &token.at))
        {
            tokens = self
                .guarded_tokens(&text, &content, continues)
                .map_err(codec)?;
        }
        let mut out = Encoded::default();
        for Spanned { id, at } in tokens {
            out.push(id, trained.iter().any(|range| range.contains(&at.start)));
        }
        Ok(out)
    }
}

impl Encoded {
    fn push(&mut self, id: u32, trained: bool) {
        self.ids.push(id);
        self.trained.push(trained);
    }

    fn append(&mut self, other: &Self) {
        self.ids.extend(&other.ids);
        self.trained.extend(&other.trained);
    }
}

fn overlaps(ranges: &[Range<usize>], at: &Range<usize>) -> bool {
    ranges
        .iter()
        .any(|range| range.start < at.end && at.start < range.end)
}
