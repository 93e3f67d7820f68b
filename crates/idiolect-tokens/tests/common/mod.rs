//! Segments by shorthand, texts of every kind, and the files that tests read.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part; helpers of tests may panic"
)]

use std::path::{Path, PathBuf};

use idiolect_prompt::{Piece, Rendered, Segment};
use idiolect_tokens::{Encoded, GgufVocabulary, SpecialTokens, Tokenizer};
use proptest::prelude::*;
use serde_json::Value;

/// A file beside golden/make.py.
pub(crate) fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The golden byte-level tokenizer.
pub(crate) fn byte_level() -> Tokenizer {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/byte_level.json");
    let special = SpecialTokens {
        bos: Some("<|begin_of_text|>".into()),
        eos: Some("<|eot_id|>".into()),
        ..SpecialTokens::default()
    };
    Tokenizer::from_file(&path, &special).unwrap()
}

/// The golden `SentencePiece` tokenizer.
pub(crate) fn sentence_piece() -> Tokenizer {
    Tokenizer::from_gguf(&vocabulary(&golden("sentence_piece.json")["gguf"]))
        .unwrap()
        .0
}

/// A vocabulary as golden/make.py writes it.
pub(crate) fn vocabulary(value: &Value) -> GgufVocabulary {
    fn list<T: serde::de::DeserializeOwned>(value: &Value) -> Vec<T> {
        serde_json::from_value(value.clone()).unwrap_or_default()
    }
    let id = |key: &str| value[key].as_u64().map(|id| u32::try_from(id).unwrap());
    GgufVocabulary {
        model: value["model"].as_str().unwrap().into(),
        pre: value["pre"].as_str().map(str::to_owned),
        tokens: list(&value["tokens"]),
        scores: list(&value["scores"]),
        token_types: list(&value["token_types"]),
        merges: list(&value["merges"]),
        bos: id("bos"),
        eos: id("eos"),
        unk: id("unk"),
        ..GgufVocabulary::default()
    }
}

pub(crate) fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

pub(crate) fn segment(text: &str, trained: bool, content: bool) -> Segment {
    Segment {
        text: text.into(),
        trained,
        content,
    }
}

pub(crate) fn text(segments: Vec<Segment>) -> Rendered {
    Rendered {
        pieces: vec![Piece::Text(segments)],
    }
}

pub(crate) fn encode(tokenizer: &Tokenizer, segments: &[Segment]) -> Encoded {
    tokenizer.encode(&text(segments.to_vec())).unwrap()
}

/// Words, spaces, other scripts and spelt special tokens.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-zA-Z ]{1,6}",
        "\\PC{1,3}",
        Just("\n\n".to_owned()),
        Just("  ".to_owned()),
        Just("the answer is".to_owned()),
        Just("<|eot_id|>".to_owned()),
        Just("</s><s>".to_owned()),
        Just("🎉é你".to_owned()),
    ];
    proptest::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

/// A file of the `SmolLM2` folder; `None`, with a message, where that folder is absent.
pub(crate) fn smollm2(name: &str) -> Option<PathBuf> {
    Some(idiolect_testkit::smollm2_folder()?.join(name))
}
