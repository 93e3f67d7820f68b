//! Rows and tokenizers that would train wrongly, each refused by name.

#![allow(
    clippy::unwrap_used,
    clippy::needless_raw_string_hashes,
    reason = "helpers of tests may panic; expect-test writes the hashes"
)]

mod common;

use common::{byte_level, segment, text};
use expect_test::expect;
use idiolect_prompt::{Piece, Rendered, Special};
use idiolect_tokens::{GgufVocabulary, SpecialTokens, TokenRow, Tokenizer, TokensError};
use serde_json::json;

fn refusal(rendered: &Rendered) -> String {
    byte_level()
        .example_row(json!("r1"), rendered, &[])
        .unwrap_err()
        .to_string()
}

#[test]
fn rows_that_would_train_wrongly_are_refused() {
    let open = text(vec![
        segment("q", false, true),
        segment("the answer", true, true),
    ]);
    expect![[
        r#"row "r1": a response ends with token 290 (" answer"), expected an end-of-turn token"#
    ]]
    .assert_eq(&refusal(&open));
    let nothing = text(vec![segment("q<|eot_id|>", false, false)]);
    expect![[r#"row "r1": no trained token"#]].assert_eq(&refusal(&nothing));
    let bos = Piece::Special {
        token: Special::Bos,
        trained: false,
    };
    let start = Piece::Text(vec![segment("<|begin_of_text|>q", false, false)]);
    expect![[r#"text begins with "<|begin_of_text|>" twice"#]].assert_eq(&refusal(&Rendered {
        pieces: vec![bos, start],
    }));
    let named = Piece::Special {
        token: Special::Named("<|im_end|>".into()),
        trained: true,
    };
    expect![[r#"the vocabulary has no token "<|im_end|>", needed as part of the template"#]]
        .assert_eq(&refusal(&Rendered {
            pieces: vec![named],
        }));
}

#[test]
fn ready_rows_are_checked_against_the_embedding() {
    let row = |ids: &[u32], labels: &[i64]| TokenRow {
        id: json!(3),
        input_ids: ids.to_vec(),
        labels: labels.to_vec(),
        teacher: Vec::new(),
    };
    assert!(row(&[0, 9], &[-100, 9]).check(10).is_ok());
    expect!["row 3: token 10 at position 1 is outside the 10 rows of the embedding"]
        .assert_eq(&row(&[0, 10], &[-100, 9]).check(10).unwrap_err().to_string());
    expect!["row 3: token -1 at position 1 is outside the 10 rows of the embedding"]
        .assert_eq(&row(&[0, 9], &[-100, -1]).check(10).unwrap_err().to_string());
    expect!["row 3: 1 label, expected 2"]
        .assert_eq(&row(&[0, 9], &[9]).check(10).unwrap_err().to_string());
    let tokenizer = byte_level();
    assert!(tokenizer.check_embedding(512).is_ok());
    expect![[r#"tokenizer larger than the embedding: token "<|eot_id|>" has id 484, 480 rows"#]]
        .assert_eq(&tokenizer.check_embedding(480).unwrap_err().to_string());
}

#[test]
fn unusable_tokenizers_say_so() {
    let error =
        |vocabulary: &GgufVocabulary| Tokenizer::from_gguf(vocabulary).unwrap_err().to_string();
    let tokens = || vec!["a".to_owned(), "b".to_owned()];
    let base = || GgufVocabulary {
        model: "gpt2".into(),
        tokens: tokens(),
        ..GgufVocabulary::default()
    };
    expect![[r#"GGUF vocabulary: tokenizer.ggml.model is "rwkv", expected gpt2 or llama"#]]
        .assert_eq(&error(&GgufVocabulary {
            model: "rwkv".into(),
            ..base()
        }));
    expect![[r#"GGUF vocabulary: tokenizer.ggml.pre is "mine", expected gpt-2, default, smollm, starcoder, refact, command-r, codeshell, llama-bpe, llama3, llama-v3, qwen2, tekken"#]].assert_eq(&error(&GgufVocabulary { pre: Some("mine".into()), ..base() }));
    expect!["GGUF vocabulary: tokenizer.ggml.eos_token_id is 2, expected below 2"].assert_eq(
        &error(&GgufVocabulary {
            eos: Some(2),
            ..base()
        }),
    );
    expect!["GGUF vocabulary: tokenizer.ggml.token_type is 1 long, expected 2 long"].assert_eq(
        &error(&GgufVocabulary {
            token_types: vec![1],
            ..base()
        }),
    );
    expect!["GGUF vocabulary: tokenizer.ggml.tokens without repetition is 1 long, expected 2 long"]
        .assert_eq(&error(&GgufVocabulary {
            tokens: vec!["a".into(), "a".into()],
            ..base()
        }));
    expect!["GGUF vocabulary is not usable: Token `c` out of vocabulary at line 1 column 294"]
        .assert_eq(&error(&GgufVocabulary {
            merges: vec!["a c".into()],
            ..base()
        }));
    let special = SpecialTokens {
        eos: Some("</s>".into()),
        ..SpecialTokens::default()
    };
    let json = br#"{"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#;
    let unknown = Tokenizer::from_json(json, &special, "tokenizer.json").unwrap_err();
    expect![[r#"the vocabulary has no token "</s>", needed as end of text"#]]
        .assert_eq(&unknown.to_string());
    let broken = Tokenizer::from_json(b"{", &special, "tokenizer.json").unwrap_err();
    assert!(matches!(broken, TokensError::Load { .. }));
}

#[test]
fn tokens_and_texts_without_end_are_refused_by_their_limit() {
    let long = "a".repeat(1025);
    let vocabulary = GgufVocabulary {
        model: "llama".into(),
        tokens: vec!["a".into(), long.clone()],
        scores: vec![0.0, 0.0],
        ..GgufVocabulary::default()
    };
    let error = Tokenizer::from_gguf(&vocabulary).unwrap_err().to_string();
    assert!(error.contains("IDIOLECT_LIMIT_TOKEN_BYTES"), "{error}");
    let json = json!({"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 0, long: 1}, "merges": []}});
    let json = json.to_string();
    let read = Tokenizer::from_json(json.as_bytes(), &SpecialTokens::default(), "tokenizer.json");
    let error = read.unwrap_err().to_string();
    assert!(error.starts_with("tokenizer.json is not usable"), "{error}");
    assert!(error.contains("found 1025"), "{error}");
    let text = "a".repeat((4 << 20) + 1);
    let error = byte_level().encode_text(&text).unwrap_err().to_string();
    assert!(error.contains("IDIOLECT_LIMIT_TEXT_BYTES"), "{error}");
}
