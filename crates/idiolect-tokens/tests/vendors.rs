//! Vendors' own tokenizer files against the vendors' encoders, and the pattern of Mistral's newer tokenizers.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::golden;
use idiolect_prompt::{Piece, Rendered, Segment};
use idiolect_tokens::{Tokenizer, TokensError};
use serde_json::{Value, json};

/// The ids of a text in which nothing is markup, as the vendors encode it.
fn plain(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    let segment = Segment {
        text: text.into(),
        trained: false,
        content: true,
    };
    let rendered = Rendered {
        pieces: vec![Piece::Text(vec![segment])],
    };
    tokenizer.encode(&rendered).unwrap().ids
}

/// Texts whose ids are others, with both.
fn differences(tokenizer: &Tokenizer, texts: &[(String, Vec<u32>)]) -> Vec<String> {
    let differing = texts.iter().filter_map(|(text, expected)| {
        let found = plain(tokenizer, text);
        (found != *expected).then(|| format!("{text:?}: {found:?}, expected {expected:?}"))
    });
    differing.collect()
}

fn pairs(golden: &Value, ids: &str) -> Vec<(String, Vec<u32>)> {
    let texts: Vec<String> = serde_json::from_value(golden["texts"].clone()).unwrap();
    let ids: Vec<Vec<u32>> = serde_json::from_value(golden[ids].clone()).unwrap();
    texts.into_iter().zip(ids).collect()
}

fn folder(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), bytes).unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}

#[test]
fn a_folder_with_only_a_sentence_piece_model_is_read() {
    let golden = golden("native.json");
    let bytes = STANDARD.decode(golden["spm"].as_str().unwrap()).unwrap();
    for name in ["tokenizer.model", "tokenizer.model.v3"] {
        let (_folder, path) = folder(name, &bytes);
        let (tokenizer, config) = Tokenizer::from_folder(&path).unwrap();
        assert_eq!(config.special.bos.as_deref(), Some("<s>"));
        assert_eq!(tokenizer.bos(), tokenizer.id_of("<s>"));
        let wrong = differences(&tokenizer, &pairs(&golden, "spm_ids"));
        assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
    }
    let (_folder, path) = folder("tokenizer.model", &bytes[..bytes.len() / 2]);
    let error = Tokenizer::from_folder(&path).unwrap_err();
    assert!(matches!(error, TokensError::Native { .. }), "{error}");
}

#[test]
fn a_folder_with_only_tekken_is_read() {
    let golden = golden("native.json");
    let (_folder, path) = folder("tekken.json", golden["tekken"].to_string().as_bytes());
    let (tokenizer, config) = Tokenizer::from_folder(&path).unwrap();
    assert_eq!(config.special.eos.as_deref(), Some("</s>"));
    assert!(tokenizer.is_special(tokenizer.id_of("[INST]").unwrap()));
    let wrong = differences(&tokenizer, &pairs(&golden, "tekken_ids"));
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_folder_without_a_tokenizer_says_which_files_are_read() {
    let (_folder, path) = folder("tokenizer.model", b"YQ== 0\nYg== 1\n");
    let error = Tokenizer::from_folder(&path).unwrap_err().to_string();
    assert!(
        error.contains("expected 128000 tokens, those of Llama 3"),
        "{error}"
    );
    let (_folder, path) = folder("vocab.json", b"{}");
    let error = Tokenizer::from_folder(&path).unwrap_err().to_string();
    assert!(
        error.contains("expected tokenizer.json, tekken.json or tokenizer.model"),
        "{error}"
    );
}

const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The golden tekken vocabulary as a `tokenizer.json` with a pattern.
fn with_pattern(pattern: &str) -> String {
    let golden = golden("native.json");
    let (_folder, path) = folder("tekken.json", golden["tekken"].to_string().as_bytes());
    let (tokenizer, _) = Tokenizer::from_folder(&path).unwrap();
    let mut json: Value = serde_json::from_str(&tokenizer.to_json().unwrap()).unwrap();
    json["pre_tokenizer"]["pretokenizers"][0]["pattern"] = json!({ "Regex": pattern });
    json.to_string()
}

#[test]
fn a_mistral_with_the_pattern_of_llama_3_gets_its_own() {
    let golden = golden("native.json");
    let expected = pairs(&golden, "tekken_ids");
    let old = json!({"model_type": "mistral", "transformers_version": "4.57.1"});
    let llama = json!({"model_type": "llama", "transformers_version": "4.57.1"});
    let new = json!({"model_type": "mistral", "transformers_version": "5.24.0"});
    let cases = [
        (&old, json!({}), true, Some(true)),
        (
            &json!({"model_type": "mistral3"}),
            json!({}),
            true,
            Some(true),
        ),
        (
            &old,
            json!({"fix_mistral_regex": false}),
            false,
            Some(false),
        ),
        (&llama, json!({"fix_mistral_regex": true}), true, Some(true)),
        (&llama, json!({}), false, None),
        (&new, json!({}), false, None),
    ];
    for (config, own, is_mended, flag) in cases {
        let (_folder, path) = folder("tokenizer.json", with_pattern(LLAMA3).as_bytes());
        std::fs::write(path.join("config.json"), config.to_string()).unwrap();
        std::fs::write(path.join("tokenizer_config.json"), own.to_string()).unwrap();
        let (tokenizer, _) = Tokenizer::from_folder(&path).unwrap();
        assert_eq!(
            (tokenizer.is_mended(), tokenizer.fix_mistral_regex()),
            (is_mended, flag),
            "{config} {own}"
        );
        let wrong = differences(&tokenizer, &expected);
        assert_eq!(
            wrong.is_empty(),
            is_mended,
            "{config} {own}: {}",
            wrong.len()
        );
    }
}

/// 10,000 strings for each tokenizer that a package carries, where golden/vendors.py has written them.
#[test]
fn ids_are_those_of_the_vendors_encoders() {
    let Some(place) = std::env::var_os("IDIOLECT_VENDOR_FILES") else {
        idiolect_testkit::skipped(
            "IDIOLECT_VENDOR_FILES names no folder that golden/vendors.py wrote",
        );
        return;
    };
    for name in ["spm_v1", "spm_v3", "spm_v7", "tekken", "llama3"] {
        let folder = Path::new(&place).join(name);
        let (tokenizer, _) = Tokenizer::from_folder(&folder).unwrap();
        let lines = std::fs::read_to_string(folder.join("ids.jsonl")).unwrap();
        let rows = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let pair = |row: Value| {
            let text = row["text"].as_str().unwrap().to_owned();
            (text, serde_json::from_value(row["ids"].clone()).unwrap())
        };
        let texts: Vec<(String, Vec<u32>)> = rows.map(pair).collect();
        assert_eq!(texts.len(), 10_000);
        let wrong = differences(&tokenizer, &texts);
        assert!(
            wrong.is_empty(),
            "{name}: {} of {}: {}",
            wrong.len(),
            texts.len(),
            wrong[..wrong.len().min(5)].join("\n")
        );
    }
}
