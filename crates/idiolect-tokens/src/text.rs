//! One string to token ids with the bytes that each stands for.
//!
//! The steps are those of `tokenizers`' own `encode`, taken one by one: its post-processor would
//! shift the bytes, and its special tokens are all or none.

use std::ops::Range;

use tokenizers::tokenizer::{
    Model, NormalizedString, Normalizer, PreTokenizedString, PreTokenizer, Token, normalizer,
};
use tokenizers::{OffsetReferential, OffsetType};

use crate::{BoxError, Tokenizer};

/// What `SentencePiece` writes for a space.
const SPACE: char = '\u{2581}';

/// A token and the bytes of the text that it stands for.
pub(crate) type Spanned = (u32, Range<usize>);

impl Tokenizer {
    /// Tokens with their bytes, special tokens recognised everywhere.
    pub(crate) fn markup_tokens(
        &self,
        text: &str,
        goes_on: bool,
    ) -> Result<Vec<Spanned>, BoxError> {
        let added = self.inner.get_added_vocabulary();
        self.finish(
            added.extract_and_normalize(self.inner.get_normalizer(), text),
            goes_on,
        )
    }

    /// Tokens with their bytes, special tokens recognised outside messages only.
    pub(crate) fn guarded_tokens(
        &self,
        text: &str,
        content: &[Range<usize>],
        goes_on: bool,
    ) -> Result<Vec<Spanned>, BoxError> {
        let mut cuts = Vec::new();
        for run in gaps(content, text.len()) {
            let found = self.added_tokens(self.inner.get_added_vocabulary(), text, run);
            cuts.extend(found.into_iter().filter(|(id, _)| self.is_special(*id)));
        }
        let markup: Vec<_> = cuts.iter().map(|(_, at)| at.clone()).collect();
        for run in gaps(&markup, text.len()) {
            cuts.extend(self.added_tokens(&self.plain, text, run));
        }
        cuts.sort_unstable_by_key(|(_, at)| at.start);
        let mut pieces = PreTokenizedString::from(text);
        pieces.split(|_, whole| Ok(cut(&whole, &cuts)))?;
        if let Some(normalizer) = self.inner.get_normalizer() {
            pieces.normalize(|piece| normalizer.normalize(piece))?;
        }
        self.finish(pieces, goes_on)
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
            Some((id, run.start + start..run.start + end))
        };
        splits.into_iter().filter_map(token).collect()
    }

    fn finish(
        &self,
        mut text: PreTokenizedString,
        goes_on: bool,
    ) -> Result<Vec<Spanned>, BoxError> {
        if let Some(pre_tokenizer) = self.inner.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut text)?;
        }
        if goes_on {
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
        Ok(encoding.get_ids().iter().copied().zip(offsets).collect())
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

/// What lies between ranges that are in order.
fn gaps(ranges: &[Range<usize>], end: usize) -> Vec<Range<usize>> {
    let starts = [0].into_iter().chain(ranges.iter().map(|range| range.end));
    let ends = ranges.iter().map(|range| range.start).chain([end]);
    starts
        .zip(ends)
        .map(|(start, end)| start..end)
        .filter(|gap| !gap.is_empty())
        .collect()
}

/// The text in pieces, the cuts with their tokens. Pieces know where in the text they stood.
fn cut(whole: &NormalizedString, cuts: &[Spanned]) -> Vec<(NormalizedString, Option<Vec<Token>>)> {
    let ranges: Vec<_> = cuts.iter().map(|(_, at)| at.clone()).collect();
    let rest = gaps(&ranges, whole.len())
        .into_iter()
        .map(|gap| (None, gap));
    let mut all: Vec<_> = cuts
        .iter()
        .map(|(id, at)| (Some(*id), at.clone()))
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
