//! Marks that survive encoding: boundaries, special tokens in messages, guards.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_collect,
    clippy::needless_raw_string_hashes,
    reason = "helpers of tests may panic; expect-test writes the hashes"
)]

mod common;

use common::{byte_level, segment, sentence_piece};
use expect_test::expect;
use idiolect_prompt::{Piece, Rendered, Segment, Special};
use idiolect_tokens::{
    Encoded, GgufVocabulary, SpecialTokens, TextStream, TokenRow, Tokenizer, TokensError, preview,
};
use proptest::prelude::*;
use serde_json::json;

fn text(segments: Vec<Segment>) -> Rendered {
    Rendered {
        pieces: vec![Piece::Text(segments)],
    }
}

fn encode(tokenizer: &Tokenizer, segments: &[Segment]) -> Encoded {
    tokenizer.encode(&text(segments.to_vec())).unwrap()
}

/// Tokens with a bar between, trained ones in «».
fn shown(tokenizer: &Tokenizer, segments: &[Segment]) -> String {
    let encoded = encode(tokenizer, segments);
    let token = |(id, trained): (&u32, &bool)| {
        let token = tokenizer.token(*id).unwrap();
        if *trained {
            format!("«{token}»")
        } else {
            token
        }
    };
    encoded
        .ids
        .iter()
        .zip(&encoded.trained)
        .map(token)
        .collect::<Vec<_>>()
        .join("|")
}

#[test]
fn a_merge_over_the_beginning_of_a_response_does_not_happen() {
    let tokenizer = byte_level();
    // Joined, " answer" is a token; generation sees the space and then writes on.
    let cut = shown(
        &tokenizer,
        &[
            segment("The ", false, false),
            segment("answer is", true, true),
        ],
    );
    expect!["The|Ġ|«a»|«ns»|«wer»|«Ġis»"].assert_eq(&cut);
    let whole = shown(
        &tokenizer,
        &[
            segment("The", false, false),
            segment(" answer is", true, true),
        ],
    );
    expect!["The|«Ġanswer»|«Ġis»"].assert_eq(&whole);
}

#[test]
fn sentence_piece_joins_where_the_prompt_stays_the_same() {
    let tokenizer = sentence_piece();
    let segments = [
        segment("The", false, false),
        segment(" answer is", true, true),
    ];
    expect!["▁The|«▁answer»|«▁is»"].assert_eq(&shown(&tokenizer, &segments));
    let segments = [
        segment("The ans", false, false),
        segment("wer is", true, true),
    ];
    expect!["▁The|▁a|ns|«w»|«er»|«▁is»"].assert_eq(&shown(&tokenizer, &segments));
}

#[test]
fn a_token_belongs_to_the_side_where_it_begins() {
    let tokenizer = byte_level();
    // The response ends inside " answer" and inside the second character.
    let segments = [
        segment("The", false, false),
        segment(" ans", true, true),
        segment("wer", false, false),
    ];
    expect!["The|«Ġanswer»"].assert_eq(&shown(&tokenizer, &segments));
    let segments = [
        segment("你", true, true),
        segment("好", false, true),
        segment("🎉", true, true),
    ];
    expect!["«ä»|«½ł»|å¥½|«ðŁ»|«İ»|«ī»"].assert_eq(&shown(&tokenizer, &segments));
}

#[test]
fn special_tokens_in_messages_are_plain_text() {
    let tokenizer = byte_level();
    let segments = [
        segment("<|start_header_id|>", false, false),
        segment("x<|eot_id|> y", false, true),
        segment("<|eot_id|>", true, false),
    ];
    expect!["<|start_header_id|>|x|<|||e|o|t|_|i|d|||>|Ġ|y|«<|eot_id|>»"]
        .assert_eq(&shown(&tokenizer, &segments));
    let tokenizer = sentence_piece();
    let segments = [
        segment("<s>The ", false, false),
        segment("a</s> <s>", false, true),
        segment("</s>", true, false),
    ];
    expect!["<s>|▁The|▁a|<0x3C>|/|s|<0x3E>|▁|<0x3C>|s|<0x3E>|«</s>»"]
        .assert_eq(&shown(&tokenizer, &segments));
}

fn refusal(rendered: &Rendered) -> String {
    byte_level()
        .example_row(json!("r1"), rendered)
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
    };
    assert!(row(&[0, 9], &[-100, 9]).check(10).is_ok());
    expect!["row 3: token 10 at position 1 is outside the 10 rows of the embedding"]
        .assert_eq(&row(&[0, 10], &[-100, 9]).check(10).unwrap_err().to_string());
    expect!["row 3: token -1 at position 1 is outside the 10 rows of the embedding"]
        .assert_eq(&row(&[0, 9], &[-100, -1]).check(10).unwrap_err().to_string());
    expect!["row 3: 1 labels, expected 2"]
        .assert_eq(&row(&[0, 9], &[9]).check(10).unwrap_err().to_string());
    let tokenizer = byte_level();
    assert!(tokenizer.check_embedding(512).is_ok());
    expect!["tokenizer larger than the embedding: ids up to 484, 480 rows"]
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
    expect![[r#"GGUF vocabulary: tokenizer.ggml.pre is "mine", expected default, gpt-2, llama-bpe, smollm, starcoder, refact, command-r, codeshell, qwen2 or tekken"#]].assert_eq(&error(&GgufVocabulary { pre: Some("mine".into()), ..base() }));
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
fn the_preview_shows_what_is_trained() {
    for tokenizer in [byte_level(), sentence_piece()] {
        let eos = Piece::Special {
            token: Special::Eos,
            trained: true,
        };
        let segments = vec![
            segment("Q: Grüße?", false, true),
            segment(" The answer.", true, true),
        ];
        let row = tokenizer
            .example_row(
                json!(1),
                &Rendered {
                    pieces: vec![Piece::Text(segments), eos],
                },
            )
            .unwrap();
        let eos = tokenizer.token(tokenizer.eos().unwrap()).unwrap();
        let expected = [
            ("Q: Grüße?".to_owned(), false),
            (format!(" The answer.{eos}"), true),
        ];
        assert_eq!(preview(&tokenizer, &row).unwrap(), expected);
    }
}

#[test]
fn a_run_of_bytes_is_streamed_when_it_has_ended() {
    let tokenizer = sentence_piece();
    let byte = |byte: u8| tokenizer.id_of(&format!("<0x{byte:02X}>")).unwrap();
    let mut stream = TextStream::new(&tokenizer, true);
    let parts: Vec<String> = "🎉"
        .bytes()
        .map(byte)
        .chain(tokenizer.id_of("The"))
        .map(|id| stream.push(id).unwrap())
        .collect();
    assert_eq!(parts, ["", "", "", "", "🎉The"]);
}

fn any_text() -> impl Strategy<Value = String> {
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

fn turns() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec((any_text(), any_text()), 1..4)
}

/// Question and response in turn, with markup between.
fn conversation(turns: &[(String, String)], end: &str) -> Vec<Segment> {
    let turn = |(question, response): &(String, String)| {
        [
            segment("U:", false, false),
            segment(question, false, true),
            segment("\nA:", false, false),
            segment(response, true, true),
            segment(end, true, false),
        ]
    };
    turns.iter().flat_map(turn).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_prompt_is_the_beginning_of_its_example(turns in turns()) {
        for (tokenizer, end) in [(byte_level(), "<|eot_id|>"), (sentence_piece(), "</s>")] {
            let segments = conversation(&turns, end);
            let example = encode(&tokenizer, &segments);
            for answered in (3..segments.len()).step_by(5) {
                let prompt = encode(&tokenizer, &segments[..answered]);
                prop_assert!(example.ids.starts_with(&prompt.ids));
                prop_assert!(!example.trained[prompt.ids.len() - 1], "the prompt's end is not trained");
                prop_assert!(example.trained[prompt.ids.len()], "the response's beginning is");
            }
            let end = tokenizer.id_of(end).unwrap();
            prop_assert_eq!(example.ids.iter().filter(|&&id| id == end).count(), turns.len());
        }
    }

    #[test]
    fn text_comes_back(question in any_text(), response in any_text()) {
        for tokenizer in [byte_level(), sentence_piece()] {
            let segments = [segment(&question, false, true), segment(&response, true, true)];
            let ids = encode(&tokenizer, &segments).ids;
            prop_assert_eq!(tokenizer.decode(&ids, false).unwrap(), question.clone() + &response);
        }
    }

    #[test]
    fn streamed_text_is_the_whole_text(ids in proptest::collection::vec(0_u32..480, 0..40)) {
        for tokenizer in [byte_level(), sentence_piece()] {
            let mut stream = TextStream::new(&tokenizer, true);
            let mut parts: Vec<String> = Vec::new();
            for &id in &ids {
                parts.push(stream.push(id).unwrap());
                let torn = parts.concat().ends_with(char::REPLACEMENT_CHARACTER);
                prop_assert!(!torn, "{:?}", parts);
            }
            parts.push(stream.finish().unwrap());
            prop_assert_eq!(parts.concat(), tokenizer.decode(&ids, true).unwrap());
        }
    }
}

#[test]
fn new_words_are_recognised_in_messages_and_survive_the_file() {
    for mut tokenizer in [byte_level(), sentence_piece()] {
        let count = u32::try_from(tokenizer.vocab_size()).unwrap();
        let words = ["<call>".to_owned(), "<done>".to_owned()];
        let ids = tokenizer.add_tokens(&words).unwrap();
        assert_eq!(ids, [count, count + 1]);
        assert_eq!(tokenizer.vocab_size(), count as usize + 2);
        let again = tokenizer.to_json().unwrap();
        let special = SpecialTokens::default();
        let again = Tokenizer::from_json(again.as_bytes(), &special, "tokenizer.json").unwrap();
        for tokenizer in [&tokenizer, &again] {
            // A message is content, where special tokens are plain text.
            let message = segment("a<call>b<done>", true, true);
            let found = encode(tokenizer, &[message]).ids;
            let kept: Vec<u32> = found.iter().copied().filter(|id| *id >= count).collect();
            assert_eq!(kept, ids);
            assert!(tokenizer.decode(&found, true).unwrap().ends_with("b<done>"));
        }
        for (word, part) in [("<call>", "does not have"), ("", "at least one")] {
            let error = tokenizer.add_tokens(&[word.to_owned()]).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
