//! A tokenizer with its special tokens, over `tokenizers`.
//!
//! How segments keep their marks is in `encode.rs`, how the vocabulary of a GGUF file becomes a tokenizer in
//! `gguf.rs`.

use std::path::Path;

use idiolect_input::{guarded, limits, read_bytes};
use tokenizers::{AddedToken, AddedVocabulary};

use crate::{SpecialTokens, TokensError};

/// Text to token ids and back, exactly as the checkpoint's own tokenizer does.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    pub(crate) inner: tokenizers::Tokenizer,
    /// The added tokens without the special ones, for text that may not contain markup.
    pub(crate) plain: AddedVocabulary,
    bos: Option<u32>,
    eos: Option<u32>,
    pad: Option<u32>,
    /// Whether this tokenizer begins a text with `bos`.
    adds_bos: bool,
    highest_id: u32,
    pub(crate) fix_mistral_regex: Option<bool>,
    pub(crate) is_mended: bool,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// [`TokensError::Read`], and those of [`from_json`](Self::from_json).
    pub fn from_file(path: &Path, special: &SpecialTokens) -> Result<Self, TokensError> {
        Self::from_json(&read(path)?, special, &path.display().to_string())
    }

    /// Reads the text of a `tokenizer.json`; `what` names it in errors.
    ///
    /// # Errors
    ///
    /// [`TokensError::Load`], or [`TokensError::UnknownToken`] when the beginning or end of text is
    /// not in the vocabulary.
    pub fn from_json(
        json: &[u8],
        special: &SpecialTokens,
        what: &str,
    ) -> Result<Self, TokensError> {
        let load = |source| TokensError::Load {
            what: what.to_owned(),
            source,
        };
        let read = guarded(|| tokenizers::Tokenizer::from_bytes(json));
        let inner = read
            .unwrap_or_else(|panic| Err(panic.into()))
            .map_err(load)?;
        let vocabulary = inner.get_vocab(true);
        let longest = vocabulary.keys().map(String::len).max().unwrap_or(0);
        let bounded = limits::TOKEN_BYTES.check(longest as u64);
        bounded.map_err(|error| load(error.into()))?;
        Self::new(inner, special)
    }

    pub(crate) fn new(
        inner: tokenizers::Tokenizer,
        special: &SpecialTokens,
    ) -> Result<Self, TokensError> {
        let mut inner = inner;
        let highest_id = inner.get_vocab(true).into_values().max().unwrap_or(0);
        mark_special(&mut inner, special).map_err(|source| TokensError::Codec { source })?;
        let mut plain = inner.get_added_vocabulary().clone();
        plain.set_encode_special_tokens(true);
        let bos = known(&inner, special.bos.as_deref(), "beginning of text")?;
        let eos = known(&inner, special.eos.as_deref(), "end of text")?;
        let pad = special
            .pad
            .as_deref()
            .and_then(|name| inner.token_to_id(name));
        let adds_bos = special.add_bos.unwrap_or_else(|| begins_with(&inner, bos));
        Ok(Self {
            inner,
            plain,
            bos,
            eos,
            pad,
            adds_bos,
            highest_id,
            fix_mistral_regex: None,
            is_mended: false,
        })
    }

    /// Adds words to the vocabulary, each recognised wherever a text has it, in messages too, and kept when
    /// ids become text; returns their ids. They are no special tokens.
    ///
    /// # Errors
    ///
    /// [`TokensError::NewToken`] for an empty word, one that the vocabulary has and one that is given twice; no word is
    /// added then. [`TokensError::Codec`].
    pub fn add_tokens(&mut self, words: &[String]) -> Result<Vec<u32>, TokensError> {
        for (at, word) in words.iter().enumerate() {
            self.check_new(word, &words[..at])?;
        }
        let token = |word: &String| AddedToken::from(word.as_str(), false).normalized(false);
        let added = self.inner.add_tokens(words.iter().map(token));
        added.map_err(|source| TokensError::Codec { source })?;
        let ids: Vec<u32> = words.iter().filter_map(|word| self.id_of(word)).collect();
        self.plain = self.inner.get_added_vocabulary().clone();
        self.plain.set_encode_special_tokens(true);
        self.highest_id = ids.iter().copied().fold(self.highest_id, u32::max);
        Ok(ids)
    }

    fn check_new(&self, word: &str, before: &[String]) -> Result<(), TokensError> {
        let expected = if word.is_empty() {
            "at least one character"
        } else if self.id_of(word).is_some() || before.iter().any(|other| other == word) {
            "a word that the vocabulary does not have"
        } else {
            return Ok(());
        };
        let token = word.to_owned();
        Err(TokensError::NewToken { token, expected })
    }

    /// How many ids there are: one more than the highest.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.highest_id as usize + 1
    }

    /// Checks that an embedding of that many rows has one for every id.
    /// More rows than ids are common: checkpoints pad them. The padding token needs none where its id is the
    /// highest, since it is never read.
    ///
    /// # Errors
    ///
    /// [`TokensError::Embedding`].
    pub fn check_embedding(&self, rows: usize) -> Result<(), TokensError> {
        let unread = usize::from(self.pad == Some(self.highest_id));
        if rows + unread < self.vocab_size() {
            return Err(TokensError::Embedding {
                token: self.token(self.highest_id).unwrap_or_default(),
                highest_id: self.highest_id,
                rows,
            });
        }
        Ok(())
    }

    /// The id of a token by its spelling.
    #[must_use]
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The spelling of a token, as the vocabulary has it.
    #[must_use]
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The beginning-of-text token, where this tokenizer puts one before a text.
    #[must_use]
    pub fn bos(&self) -> Option<u32> {
        self.bos.filter(|_| self.adds_bos)
    }

    /// The token that `bos_token` names, whether this tokenizer puts it before a text or not.
    #[must_use]
    pub fn bos_token(&self) -> Option<u32> {
        self.bos
    }

    /// The end-of-text token.
    #[must_use]
    pub fn eos(&self) -> Option<u32> {
        self.eos
    }

    /// The id that fills rows: the padding token, else the end of text, else 0. It may be a trained token too.
    #[must_use]
    pub fn pad(&self) -> u32 {
        self.pad.or(self.eos).unwrap_or(0)
    }

    /// Whether an id is a special token, which decoding may leave out.
    #[must_use]
    pub fn is_special(&self, id: u32) -> bool {
        let added = self.inner.get_added_vocabulary();
        added
            .simple_id_to_token(id)
            .is_some_and(|token| added.is_special_token(&token))
    }

    /// Spellings of all special tokens, by id.
    #[must_use]
    pub fn special_tokens(&self) -> Vec<String> {
        let decoder = self.inner.get_added_tokens_decoder();
        let mut tokens: Vec<_> = decoder
            .into_iter()
            .filter(|(_, token)| token.special)
            .collect();
        tokens.sort_unstable_by_key(|(id, _)| *id);
        tokens.into_iter().map(|(_, token)| token.content).collect()
    }

    /// The text of token ids; an id outside the vocabulary has no text.
    ///
    /// # Errors
    ///
    /// [`TokensError::Codec`].
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, TokensError> {
        guarded(|| self.inner.decode(ids, skip_special))
            .unwrap_or_else(|panic| Err(panic.into()))
            .map_err(|source| TokensError::Codec { source })
    }

    /// The content of a `tokenizer.json` in one line, to be saved beside what was trained with it.
    ///
    /// # Errors
    ///
    /// [`TokensError::Codec`] when `tokenizers` cannot write it.
    pub fn to_json(&self) -> Result<String, TokensError> {
        self.inner
            .to_string(false)
            .map_err(|source| TokensError::Codec { source })
    }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, TokensError> {
    read_bytes(path, &limits::TOKENIZER_BYTES).map_err(|source| TokensError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Makes the configuration's special tokens special, as transformers does on loading.
fn mark_special(
    inner: &mut tokenizers::Tokenizer,
    special: &SpecialTokens,
) -> Result<(), crate::error::BoxError> {
    let named = [&special.bos, &special.eos, &special.pad, &special.unk]
        .into_iter()
        .flatten();
    let unmarked: Vec<AddedToken> = named
        .chain(&special.others)
        .filter(|name| inner.token_to_id(name).is_some())
        .filter(|name| !inner.get_added_vocabulary().is_special_token(name))
        .map(|name| AddedToken::from(name.as_str(), true).normalized(false))
        .collect();
    if !unmarked.is_empty() {
        inner.add_special_tokens(unmarked)?;
    }
    Ok(())
}

fn known(
    inner: &tokenizers::Tokenizer,
    name: Option<&str>,
    role: &'static str,
) -> Result<Option<u32>, TokensError> {
    let Some(name) = name else { return Ok(None) };
    let unknown = || TokensError::UnknownToken {
        token: name.to_owned(),
        role,
    };
    inner.token_to_id(name).ok_or_else(unknown).map(Some)
}

/// Whether the post-processor puts `bos` before a text.
fn begins_with(inner: &tokenizers::Tokenizer, bos: Option<u32>) -> bool {
    let encoding = inner.encode_fast("", true).ok();
    bos.is_some() && encoding.and_then(|encoding| encoding.get_ids().first().copied()) == bos
}
