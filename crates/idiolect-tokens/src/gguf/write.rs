//! The vocabulary of a GGUF file from a tokenizer: what `gguf.rs` reads, written.
//!
//! A tokenizer of another kind than the two that are read is refused, and so is one whose text is cut by an
//! expression that llama.cpp has no name for.

use serde_json::Value;

use super::pre_tokenizer::PreTokenizer;
use super::scores::scores;
use super::{BYTE, CONTROL, GgufVocabulary, NORMAL, UNKNOWN, UNUSED, USER_DEFINED};
use crate::{Tokenizer, TokenizerConfig, TokensError};

impl GgufVocabulary {
    /// The vocabulary of a tokenizer for an embedding of `rows` rows; rows without a token get one that is not used.
    ///
    /// What ends a text is left to the caller: it is a setting of the model.
    ///
    /// # Errors
    ///
    /// [`TokensError::Vocabulary`] names the part of `tokenizer.json` that such a file cannot hold;
    /// [`TokensError::Codec`] when `tokenizers` cannot write it.
    pub fn of(
        tokenizer: &Tokenizer,
        config: &TokenizerConfig,
        rows: usize,
    ) -> Result<Self, TokensError> {
        let json = tokenizer.to_json()?;
        let json: Value = serde_json::from_str(&json).map_err(|source| TokensError::Codec {
            source: source.into(),
        })?;
        let kind = Kind::of(&json)?;
        let id = |name: &Option<String>| {
            let id = name.as_deref().and_then(|name| tokenizer.id_of(name));
            id.filter(|id| (*id as usize) < rows)
        };
        let special = &config.special;
        let mut vocabulary = Self {
            bos: id(&special.bos),
            eos: id(&special.eos),
            pad: id(&special.pad),
            unk: id(&special.unk),
            add_bos: Some(tokenizer.bos().is_some()),
            chat_template: config.chat_template(None).map(str::to_owned),
            ..Self::default()
        };
        let unk = vocabulary
            .unk
            .or_else(|| tokenizer.id_of(json["model"]["unk_token"].as_str()?));
        let types = |token: Token| kind.token_type(&token, unk);
        let all = tokens(&json, rows);
        vocabulary.token_types = all.iter().cloned().map(types).collect();
        vocabulary.tokens = all.into_iter().map(|token| token.text).collect();
        kind.fill(&mut vocabulary, &json)?;
        Ok(vocabulary)
    }
}

/// A token of the vocabulary.
#[derive(Debug, Clone)]
struct Token {
    id: usize,
    text: String,
    place: Place,
}

/// Where a token comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The model's own vocabulary.
    Model,
    /// Added, and special.
    Special,
    /// Added, and part of texts.
    Added,
    /// Nowhere: a row without a token.
    Nowhere,
}

/// The token of each row.
fn tokens(json: &Value, rows: usize) -> Vec<Token> {
    let empty = |id| Token {
        id,
        text: format!("[PAD{id}]"),
        place: Place::Nowhere,
    };
    let mut all: Vec<Token> = (0..rows).map(empty).collect();
    let mut put = |id: Option<u64>, text: &str, place: Place| {
        let id = id.and_then(|id| usize::try_from(id).ok());
        if let Some(token) = id.and_then(|id| all.get_mut(id)) {
            token.text = text.into();
            token.place = place;
        }
    };
    let vocabulary = json["model"]["vocab"].as_object();
    for (text, id) in vocabulary.into_iter().flatten() {
        put(id.as_u64(), text, Place::Model);
    }
    for token in json["added_tokens"].as_array().into_iter().flatten() {
        let place = if token["special"] == true {
            Place::Special
        } else {
            Place::Added
        };
        let text = token["content"].as_str().unwrap_or_default();
        put(token["id"].as_u64(), text, place);
    }
    all
}

/// The kind of a tokenizer.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Byte-level BPE.
    ByteLevel(PreTokenizer),
    /// `SentencePiece` BPE with tokens for single bytes.
    SentencePiece {
        /// Whether a text begins with a space.
        space: bool,
    },
}

impl Kind {
    fn of(json: &Value) -> Result<Self, TokensError> {
        let model = &json["model"];
        if model["type"] != "BPE" {
            let what = "the model of tokenizer.json";
            return Err(refused(what, "BPE", &model["type"]));
        }
        if let Some(space) = prefix_space(json).filter(|_| model["byte_fallback"] == true) {
            return Ok(Self::SentencePiece { space });
        }
        let pre = &json["pre_tokenizer"];
        let found = PreTokenizer::of_json(pre).map(Self::ByteLevel);
        let expected = format!(
            "one that llama.cpp has a name for: {}",
            PreTokenizer::names()
        );
        found.ok_or_else(|| refused("the pre_tokenizer of tokenizer.json", &expected, pre))
    }

    fn token_type(self, token: &Token, unk: Option<u32>) -> i32 {
        let is_byte = |text: &str| {
            let digits = text
                .strip_prefix("<0x")
                .and_then(|text| text.strip_suffix('>'));
            digits.is_some_and(|text| text.len() == 2 && u8::from_str_radix(text, 16).is_ok())
        };
        let pieces = matches!(self, Self::SentencePiece { .. });
        match token.place {
            _ if pieces && unk.is_some_and(|unk| unk as usize == token.id) => UNKNOWN,
            Place::Model if pieces && is_byte(&token.text) => BYTE,
            Place::Model => NORMAL,
            Place::Special => CONTROL,
            Place::Added => USER_DEFINED,
            Place::Nowhere => UNUSED,
        }
    }

    /// Adds what only this kind has.
    fn fill(self, vocabulary: &mut GgufVocabulary, json: &Value) -> Result<(), TokensError> {
        let merges = merges(&json["model"]["merges"])?;
        match self {
            Self::ByteLevel(pre) => {
                vocabulary.model = "gpt2".into();
                vocabulary.pre = Some(pre.name().into());
                let joined = |(left, right): (String, String)| format!("{left} {right}");
                vocabulary.merges = merges.into_iter().map(joined).collect();
            }
            Self::SentencePiece { space } => {
                vocabulary.model = "llama".into();
                vocabulary.pre = Some("default".into());
                vocabulary.scores = scores(&vocabulary.tokens, &merges)?;
                vocabulary.add_space_prefix = Some(space);
            }
        }
        Ok(())
    }
}

/// Whether a `SentencePiece` tokenizer puts a space before a text; none where it does not write spaces as its own
/// sign.
fn prefix_space(json: &Value) -> Option<bool> {
    let parts = |part: &Value, list: &str| match part[list].as_array() {
        Some(all) => all.clone(),
        None => vec![part.clone()],
    };
    let normalizers = parts(&json["normalizer"], "normalizers");
    let spaces = normalizers
        .iter()
        .any(|one| one["type"] == "Replace" && one["content"] == "\u{2581}");
    if spaces {
        return Some(normalizers.iter().any(|one| one["type"] == "Prepend"));
    }
    let cuts = parts(&json["pre_tokenizer"], "pretokenizers");
    let space = cuts.iter().find(|one| one["type"] == "Metaspace")?;
    Some(space["prepend_scheme"] != "never")
}

/// The merges in either form that a `tokenizer.json` has them.
fn merges(list: &Value) -> Result<Vec<(String, String)>, TokensError> {
    let one = |merge: &Value| {
        let (left, right) = match merge.as_array().map(Vec::as_slice) {
            Some([left, right]) => (left.as_str()?, right.as_str()?),
            _ => merge.as_str()?.split_once(' ')?,
        };
        Some((left.to_owned(), right.to_owned()))
    };
    let all = list.as_array().into_iter().flatten();
    let expected = "pairs of tokens";
    all.map(|merge| one(merge).ok_or_else(|| refused("a merge of tokenizer.json", expected, merge)))
        .collect()
}

fn refused(what: &'static str, expected: &str, found: &Value) -> TokensError {
    let found = found.to_string();
    TokensError::Vocabulary {
        what,
        expected: expected.into(),
        found: idiolect_input::shown(&found, 300).into_owned(),
    }
}
