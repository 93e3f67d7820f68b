//! Tokenizers as vocabularies of GGUF files: what is read back gives the same ids.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{any_text, byte_level, golden, sentence_piece, smollm2, vocabulary};
use expect_test::expect;
use idiolect_tokens::{GgufVocabulary, SpecialTokens, Tokenizer, TokenizerConfig};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Special tokens of the golden byte-level tokenizer.
fn config() -> TokenizerConfig {
    let special = SpecialTokens {
        bos: Some("<|begin_of_text|>".into()),
        eos: Some("<|eot_id|>".into()),
        ..SpecialTokens::default()
    };
    let mut config = TokenizerConfig {
        special,
        ..TokenizerConfig::default()
    };
    config.put_template("default", "{{ messages }}".into());
    config
}

fn read_back(vocabulary: &GgufVocabulary) -> Tokenizer {
    Tokenizer::from_gguf(vocabulary).unwrap().0
}

fn same_ids(ours: &Tokenizer, theirs: &Tokenizer, text: &str) {
    let ids = ours.encode_text(text).unwrap();
    assert_eq!(ids, theirs.encode_text(text).unwrap(), "{text:?}");
    let [ours, theirs] = [ours, theirs].map(|one| one.decode(&ids, false).unwrap());
    assert_eq!(ours, theirs);
}

#[test]
fn a_byte_level_tokenizer_is_written_as_it_is() {
    let tokenizer = byte_level();
    let written = GgufVocabulary::of(&tokenizer, &config(), 488).unwrap();
    let names = (written.model.as_str(), written.pre.as_deref());
    assert_eq!(names, ("gpt2", Some("llama-bpe")));
    assert_eq!((written.bos, written.eos), (Some(480), Some(484)));
    assert_eq!((written.add_bos, written.pad), (Some(true), None));
    assert_eq!(written.chat_template.as_deref(), Some("{{ messages }}"));
    // More rows than tokens: none of them is ever read.
    assert_eq!(
        written.tokens[484..],
        ["<|eot_id|>", "[PAD485]", "[PAD486]", "[PAD487]"]
    );
    assert_eq!(written.token_types[479..], [1, 3, 3, 3, 3, 3, 5, 5, 5]);
    let again = GgufVocabulary::of(&read_back(&written), &config(), 485).unwrap();
    assert_eq!(again.tokens[..], written.tokens[..485]);
    assert_eq!(again.merges, written.merges);
}

#[test]
fn a_sentence_piece_tokenizer_is_written_with_scores_that_merge_alike() {
    let stored = vocabulary(&golden("sentence_piece.json")["gguf"]);
    let (tokenizer, config) = Tokenizer::from_gguf(&stored).unwrap();
    let written = GgufVocabulary::of(&tokenizer, &config, stored.tokens.len()).unwrap();
    assert_eq!(
        (written.model.as_str(), written.add_bos),
        ("llama", Some(true))
    );
    assert_eq!(
        (&written.tokens, &written.token_types),
        (&stored.tokens, &stored.token_types)
    );
    assert_eq!(
        (written.bos, written.eos, written.unk),
        (stored.bos, stored.eos, stored.unk)
    );
    assert_eq!(written.add_space_prefix, Some(true));
    // Tokens that are made by merging stand in the same order.
    let order = |scores: &[f32]| {
        let kind = |id: usize| stored.token_types[id] == 1 && stored.tokens[id].chars().count() > 1;
        let mut ids: Vec<usize> = (0..scores.len()).filter(|id| kind(*id)).collect();
        ids.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        ids
    };
    assert_eq!(order(&written.scores), order(&stored.scores));
    let without = GgufVocabulary {
        add_space_prefix: Some(false),
        ..stored
    };
    let (tokenizer, config) = Tokenizer::from_gguf(&without).unwrap();
    let written = GgufVocabulary::of(&tokenizer, &config, 700).unwrap();
    assert_eq!(written.add_space_prefix, Some(false));
}

#[test]
fn smollm2_is_written_with_the_name_of_its_expression() {
    let Some(file) = smollm2("tokenizer.json") else {
        return;
    };
    let (tokenizer, config) = Tokenizer::from_folder(file.parent().unwrap()).unwrap();
    let written = GgufVocabulary::of(&tokenizer, &config, 49_152).unwrap();
    assert_eq!(written.pre.as_deref(), Some("smollm"));
    let again = read_back(&written);
    for row in golden("byte_level_ids.json")["texts"].as_array().unwrap() {
        same_ids(&tokenizer, &again, row["text"].as_str().unwrap());
    }
}

#[test]
fn what_a_file_cannot_hold_is_refused_by_name() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let json = byte_level().to_json().unwrap();
        let mut json: Value = serde_json::from_str(&json).unwrap();
        change(&mut json);
        let json = json.to_string();
        let special = SpecialTokens::default();
        let tokenizer = Tokenizer::from_json(json.as_bytes(), &special, "t").unwrap();
        let written = GgufVocabulary::of(&tokenizer, &TokenizerConfig::default(), 485);
        written.unwrap_err().to_string()
    };
    let words = |json: &mut Value| {
        json["model"] = json!({"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"});
    };
    expect![[r#"GGUF vocabulary: the model of tokenizer.json is "WordLevel", expected BPE"#]]
        .assert_eq(&refused(&words));
    let other = |json: &mut Value| {
        json["pre_tokenizer"] = json!({"type": "Whitespace"});
    };
    expect![[r#"GGUF vocabulary: the pre_tokenizer of tokenizer.json is {"type":"Whitespace"}, expected one that llama.cpp has a name for: gpt-2, default, smollm, starcoder, refact, command-r, codeshell, llama-bpe, llama3, llama-v3, qwen2, tekken"#]].assert_eq(&refused(&other));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_has_the_same_ids_when_it_is_read_back(text in any_text()) {
        let tokenizer = byte_level();
        let written = GgufVocabulary::of(&tokenizer, &config(), 485).unwrap();
        same_ids(&tokenizer, &read_back(&written), &text);
        let stored = vocabulary(&golden("sentence_piece.json")["gguf"]);
        let (tokenizer, config) = Tokenizer::from_gguf(&stored).unwrap();
        let written = GgufVocabulary::of(&tokenizer, &config, 700).unwrap();
        same_ids(&tokenizer, &read_back(&written), &text);
        same_ids(&sentence_piece(), &read_back(&written), &text);
    }
}
