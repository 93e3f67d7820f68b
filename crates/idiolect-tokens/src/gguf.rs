//! A tokenizer from the vocabulary of a GGUF file; the vocabulary from a tokenizer is in `gguf/write.rs`.
//!
//! There are two kinds: `gpt2`, byte-level BPE with merges and a pre-tokenizer known by name, and `llama`,
//! `SentencePiece` BPE with scores, and with byte tokens for other characters. Both become the
//! `tokenizer.json` that the checkpoint would have, which `tokenizers` reads. The file itself is read by the caller.

mod pre_tokenizer;
mod scores;
mod write;

use std::collections::HashMap;

use idiolect_input::limits;
use serde_json::{Value, json};

use self::pre_tokenizer::PreTokenizer;
use crate::{SpecialTokens, Tokenizer, TokenizerConfig, TokensError};

/// The `tokenizer.*` metadata of a GGUF file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GgufVocabulary {
    /// `tokenizer.ggml.model`: `gpt2` or `llama`.
    pub model: String,
    /// `tokenizer.ggml.pre`, for `gpt2`; absent in old files.
    pub pre: Option<String>,
    /// `tokenizer.ggml.tokens`, by id.
    pub tokens: Vec<String>,
    /// `tokenizer.ggml.scores`, for `llama`; one a token.
    pub scores: Vec<f32>,
    /// `tokenizer.ggml.token_type`, one a token, or empty: 1 normal, 2 unknown, 3 control, 4 user
    /// defined, 5 unused, 6 byte.
    pub token_types: Vec<i32>,
    /// `tokenizer.ggml.merges`, for `gpt2`: two tokens with a space between.
    pub merges: Vec<String>,
    /// `tokenizer.ggml.bos_token_id`.
    pub bos: Option<u32>,
    /// `tokenizer.ggml.eos_token_id`.
    pub eos: Option<u32>,
    /// `tokenizer.ggml.eot_token_id` and `tokenizer.ggml.eom_token_id`: further tokens that end a text, which are
    /// written, and read with the settings of the model.
    pub more_ends: [Option<u32>; 2],
    /// `tokenizer.ggml.padding_token_id`.
    pub pad: Option<u32>,
    /// `tokenizer.ggml.unknown_token_id`.
    pub unk: Option<u32>,
    /// `tokenizer.ggml.add_bos_token`; without it, by model and pre-tokenizer as llama.cpp does.
    pub add_bos: Option<bool>,
    /// `tokenizer.ggml.add_space_prefix`, for `llama`; true without it.
    pub add_space_prefix: Option<bool>,
    /// `tokenizer.chat_template`.
    pub chat_template: Option<String>,
}

const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;
const BYTE: i32 = 6;

impl Tokenizer {
    /// The tokenizer of a GGUF file, and what the file says beside it.
    ///
    /// # Errors
    ///
    /// [`TokensError::Vocabulary`] for a vocabulary that contradicts itself or is of an unknown
    /// kind; [`TokensError::Load`] when `tokenizers` refuses it.
    pub fn from_gguf(vocabulary: &GgufVocabulary) -> Result<(Self, TokenizerConfig), TokensError> {
        let json = tokenizer_json(vocabulary)?.to_string();
        let config = vocabulary.config()?;
        let tokenizer = Self::from_json(json.as_bytes(), &config.special, "GGUF vocabulary")?;
        Ok((tokenizer, config))
    }
}

impl GgufVocabulary {
    fn config(&self) -> Result<TokenizerConfig, TokensError> {
        let special = SpecialTokens {
            bos: self.spelling(self.bos, "tokenizer.ggml.bos_token_id")?,
            eos: self.spelling(self.eos, "tokenizer.ggml.eos_token_id")?,
            pad: self.spelling(self.pad, "tokenizer.ggml.padding_token_id")?,
            unk: self.spelling(self.unk, "tokenizer.ggml.unknown_token_id")?,
            others: Vec::new(),
            add_bos: Some(self.add_bos.unwrap_or(self.adds_bos_by_kind())),
        };
        let template = self.chat_template.iter();
        let chat_templates = template
            .map(|text| ("default".to_owned(), text.clone()))
            .collect();
        Ok(TokenizerConfig {
            special,
            chat_templates,
            model_max_length: None,
        })
    }

    fn adds_bos_by_kind(&self) -> bool {
        let pre = self.pre.as_deref().and_then(PreTokenizer::of_name);
        self.model == "llama" || pre.is_some_and(PreTokenizer::begins_texts)
    }

    fn spelling(&self, id: Option<u32>, what: &'static str) -> Result<Option<String>, TokensError> {
        let Some(id) = id else { return Ok(None) };
        let token = self.tokens.get(id as usize).cloned();
        let expected = format!("below {}", self.tokens.len());
        let beyond = || TokensError::Vocabulary {
            what,
            expected,
            found: id.to_string(),
        };
        token.ok_or_else(beyond).map(Some)
    }

    fn token_type(&self, id: usize) -> i32 {
        self.token_types.get(id).copied().unwrap_or(NORMAL)
    }

    fn added_tokens(&self) -> Vec<Value> {
        let types = (0..self.tokens.len()).map(|id| (id, self.token_type(id)));
        let added = types.filter(|(_, kind)| matches!(*kind, UNKNOWN | CONTROL | USER_DEFINED));
        let token = |(id, kind)| {
            json!({ "id": id, "content": self.tokens[id], "special": kind != USER_DEFINED,
                "single_word": false, "lstrip": false, "rstrip": false, "normalized": false })
        };
        added.map(token).collect()
    }

    /// Refuses a list that has not one entry for each token.
    fn check_length(&self, what: &'static str, found: usize) -> Result<(), TokensError> {
        let expected = self.tokens.len();
        if found == expected {
            return Ok(());
        }
        let (expected, found) = (format!("{expected} long"), format!("{found} long"));
        Err(TokensError::Vocabulary {
            what,
            expected,
            found,
        })
    }
}

fn tokenizer_json(vocabulary: &GgufVocabulary) -> Result<Value, TokensError> {
    let longest = vocabulary.tokens.iter().map(String::len).max();
    if let Err(error) = limits::TOKEN_BYTES.check(longest.unwrap_or(0) as u64) {
        let what = "tokenizer.ggml.tokens".to_owned();
        let source = error.into();
        return Err(TokensError::Load { what, source });
    }
    if !vocabulary.token_types.is_empty() {
        vocabulary.check_length("tokenizer.ggml.token_type", vocabulary.token_types.len())?;
    }
    let ids = || vocabulary.tokens.iter().zip(0_u32..);
    let vocab: serde_json::Map<String, Value> = ids()
        .map(|(token, id)| (token.clone(), Value::from(id)))
        .collect();
    vocabulary.check_length("tokenizer.ggml.tokens without repetition", vocab.len())?;
    let mut json = match vocabulary.model.as_str() {
        "gpt2" => byte_level(vocabulary)?,
        "llama" => sentence_piece(vocabulary)?,
        other => {
            return Err(TokensError::Vocabulary {
                what: "tokenizer.ggml.model",
                expected: "gpt2 or llama".into(),
                found: format!("{other:?}"),
            });
        }
    };
    json["version"] = "1.0".into();
    json["added_tokens"] = vocabulary.added_tokens().into();
    json["model"]["type"] = "BPE".into();
    json["model"]["vocab"] = vocab.into();
    Ok(json)
}

fn byte_level(vocabulary: &GgufVocabulary) -> Result<Value, TokensError> {
    let name = vocabulary.pre.as_deref().unwrap_or("default");
    let Some(pre) = PreTokenizer::of_name(name) else {
        return Err(TokensError::Vocabulary {
            what: "tokenizer.ggml.pre",
            expected: PreTokenizer::names(),
            found: format!("{name:?}"),
        });
    };
    let model = json!({ "merges": vocabulary.merges, "ignore_merges": pre.keeps_whole_words() });
    Ok(
        json!({ "normalizer": pre.normalizer(), "pre_tokenizer": pre.to_json(),
        "decoder": pre_tokenizer::byte_level(true), "model": model }),
    )
}

fn sentence_piece(vocabulary: &GgufVocabulary) -> Result<Value, TokensError> {
    vocabulary.check_length("tokenizer.ggml.scores", vocabulary.scores.len())?;
    let space = json!({ "type": "Replace", "pattern": { "String": " " }, "content": "\u{2581}" });
    let back = json!({ "type": "Replace", "pattern": { "String": "\u{2581}" }, "content": " " });
    let mut normalizers = vec![space];
    let mut decoders = vec![
        back,
        json!({ "type": "ByteFallback" }),
        json!({ "type": "Fuse" }),
    ];
    if vocabulary.add_space_prefix.unwrap_or(true) {
        normalizers.insert(0, json!({ "type": "Prepend", "prepend": "\u{2581}" }));
        decoders.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
    }
    let unk = vocabulary.spelling(vocabulary.unk, "tokenizer.ggml.unknown_token_id")?;
    Ok(json!({
        "normalizer": { "type": "Sequence", "normalizers": normalizers },
        "decoder": { "type": "Sequence", "decoders": decoders },
        "model": { "merges": merges_by_score(vocabulary), "unk_token": unk, "fuse_unk": true,
            "byte_fallback": true },
    }))
}

/// Every pair of tokens that joined is a normal token, in descending order of that token's score.
fn merges_by_score(vocabulary: &GgufVocabulary) -> Vec<(&str, &str)> {
    let normal = (0..vocabulary.tokens.len()).filter(|&id| vocabulary.token_type(id) == NORMAL);
    let by_text: HashMap<&str, usize> = normal
        .clone()
        .map(|id| (vocabulary.tokens[id].as_str(), id))
        .collect();
    let mut merges = Vec::new();
    for id in normal {
        let token = vocabulary.tokens[id].as_str();
        let splits = token
            .char_indices()
            .skip(1)
            .map(|(at, _)| token.split_at(at));
        let mut pairs: Vec<_> = splits
            .filter_map(|(l, r)| Some(((*by_text.get(l)?, *by_text.get(r)?), (l, r))))
            .collect();
        pairs.sort_unstable();
        merges.extend(
            pairs
                .into_iter()
                .map(|(_, pair)| (vocabulary.scores[id], pair)),
        );
    }
    merges.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    merges.into_iter().map(|(_, pair)| pair).collect()
}
