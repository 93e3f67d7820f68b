//! A string to token ids, each with its range of bytes in the string.
//!
//! The steps are those of `tokenizers`' own `encode`, called one by one: its post-processor would
//! shift the ranges, and it recognises special tokens everywhere or nowhere.

use std::ops::Range;

use idiolect_input::{guarded, limits};
use tokenizers::tokenizer::{
    Model, NormalizedString, Normalizer, PreTokenizedString, PreTokenizer, Token, normalizer,
};
use tokenizers::{OffsetReferential, OffsetType};

use crate::Tokenizer;
use crate::error::BoxError;

/// What `SentencePiece` writes for a space.
const SPACE: char = '\u{2581}';

/// A token and its range of bytes in the text.
#[derive(Debug, Clone)]
pub(crate) struct Spanned {
    pub(crate) id: u32,
    pub(crate) at: Range<usize>,
}

impl Tokenizer {
    /// Tokens with their ranges, special tokens recognised everywhere.
    pub(crate) fn markup_tokens(
        &self,
        text: &str,
        continues: bool,
    ) -> Result<Vec<Spanned>, BoxError> {
        limits::TEXT_BYTES.check(text.len() as u64)?;
        let added = self.inner.get_added_vocabulary();
        let tokens = || {
            let pieces = added.extract_and_normalize(self.inner.get_normalizer(), text);
            self.finish(pieces, continues)
        };
        guarded(tokens).unwrap_or_else(|panic| Err(panic.into()))
    }

    /// Tokens with their ranges, special tokens recognised outside messages only.
    pub(crate) fn guarded_tokens(
        &self,
        text: &str,
        content: &[Range<usize>],
        continues: bool,
    ) -> Result<Vec<Spanned>, BoxError> {
        let tokens = || self.unmarked_tokens(text, content, continues);
        guarded(tokens).unwrap_or_else(|panic| Err(panic.into()))
    }

    fn unmarked_tokens(
        &self,
        text: &str,
        content: &[Range<usize>],
        continues: bool,
    ) -> Result<Vec<Spanned>, BoxError> {
        let mut cuts = Vec::new();
        for run in gaps(content, text.len()) {
            let found = self.added_tokens(self.inner.get_added_vocabulary(), text, run);
            cuts.extend(found.into_iter().filter(|found| self.is_special(found.id)));
        }
        let markup: Vec<_> = cuts.iter().map(|cut| cut.at.clone()).collect();
        for run in gaps(&markup, text.len()) {
            cuts.extend(self.added_tokens(&self.plain, text, run));
        }
        cuts.sort_unstable_by_key(|cut| cut.at.start);
        let mut pieces = PreTokenizedString::from(text);
        pieces.split(|_, whole| Ok(cut(&whole, &cuts)))?;
        if let Some(normalizer) = self.inner.get_normalizer() {
            pieces.normalize(|piece| normalizer.normalize(piece))?;
        }
        self.finish(pieces, continues)
    }

    /// Added tokens in a part of the text.
    fn added_tokens(
        &self,
        vocabulary: &tokenizers::AddedVocabulary,
        text: &str,
        run: Range<usize>,
    ) -> Vec<Spanned> {
        let normalizer = self.inner.get_normalizer();
        let found = vocabulary.extract_and_normalize(normalizer, &text[run.clone()]);
        let splits = found.get_splits(OffsetReferential::Original, OffsetType::Byte);
        let token = |(_, (start, end), tokens): (_, _, &Option<Vec<Token>>)| {
            let id = tokens.as_ref()?.first()?.id;
            Some(Spanned {
                id,
                at: run.start + start..run.start + end,
            })
        };
        splits.into_iter().filter_map(token).collect()
    }

    fn finish(
        &self,
        mut text: PreTokenizedString,
        continues: bool,
    ) -> Result<Vec<Spanned>, BoxError> {
        if let Some(pre_tokenizer) = self.inner.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut text)?;
        }
        if continues {
            text.split(|at, piece| {
                Ok([if at == 0 {
                    without_prefix(&piece).unwrap_or(piece)
                } else {
                    piece
                }])
            })?;
        }
        let model = self.inner.get_model();
        text.tokenize(|piece| model.tokenize(piece.get()))?;
        let encoding = text.into_encoding(None, 0, OffsetType::Byte)?;
        let offsets = encoding
            .get_offsets()
            .iter()
            .map(|&(start, end)| start..end);
        let ids = encoding.get_ids().iter().zip(offsets);
        Ok(ids.map(|(&id, at)| Spanned { id, at }).collect())
    }
}

/// The piece without the space that its tokenizer put before it, if it did.
fn without_prefix(piece: &NormalizedString) -> Option<NormalizedString> {
    let spaces = |text: &str| text.chars().take_while(|&c| c == ' ' || c == SPACE).count();
    if !piece.get().starts_with(SPACE) || spaces(piece.get()) <= spaces(piece.get_original()) {
        return None;
    }
    piece.slice(normalizer::Range::Normalized(
        SPACE.len_utf8()..piece.get().len(),
    ))
}

/// The ranges between ranges that are in order.
fn gaps(ranges: &[Range<usize>], end: usize) -> Vec<Range<usize>> {
    let starts = [0].into_iter().chain(ranges.iter().map(|range| range.end));
    let ends = ranges.iter().map(|range| range.start).chain([end]);
    starts
        .zip(ends)
        .map(|(start, end)| start..end)
        .filter(|gap| !gap.is_empty())
        .collect()
}

/// The text in pieces, of which the cuts have their tokens. A piece keeps its offset in the text.
fn cut(whole: &NormalizedString, cuts: &[Spanned]) -> Vec<(NormalizedString, Option<Vec<Token>>)> {
    let ranges: Vec<_> = cuts.iter().map(|cut| cut.at.clone()).collect();
    let rest = gaps(&ranges, whole.len())
        .into_iter()
        .map(|gap| (None, gap));
    let mut all: Vec<_> = cuts
        .iter()
        .map(|cut| (Some(cut.id), cut.at.clone()))
        .chain(rest)
        .collect();
    all.sort_unstable_by_key(|(_, at)| at.start);
    let piece = |(id, at): (Option<u32>, Range<usize>)| {
        let slice = whole.slice(normalizer::Range::Original(at))?;
        let text = slice.get().to_owned();
        let tokens = id.map(|id| vec![Token::new(id, text.clone(), (0, text.len()))]);
        Some((slice, tokens))
    };
    all.into_iter().filter_map(piece).collect()
}
