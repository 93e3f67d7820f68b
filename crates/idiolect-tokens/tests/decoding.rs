//! Decoding of ids to text: whole, token by token, and as a preview of what is trained.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{any_text, byte_level, encode, segment, sentence_piece};
use idiolect_prompt::{Piece, Rendered, Special};
use idiolect_tokens::{TextStream, preview};
use proptest::prelude::*;
use serde_json::json;

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
                &[],
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

#[test]
fn the_bytes_of_tokens_joined_are_their_text() {
    let text = "Grüße, 🎉 the  end.\n";
    for (tokenizer, before) in [(byte_level(), ""), (sentence_piece(), " ")] {
        let ids = tokenizer.encode_text(text).unwrap();
        let bytes: Vec<u8> = ids
            .iter()
            .flat_map(|id| tokenizer.token_bytes(*id))
            .collect();
        let found = String::from_utf8(bytes).unwrap();
        assert_eq!(found.strip_prefix(before).unwrap_or(&found), text);
        let eos = tokenizer.eos().unwrap();
        let spelt = tokenizer.token(eos).unwrap();
        assert_eq!(tokenizer.token_bytes(eos), spelt.as_bytes());
        assert!(tokenizer.token_bytes(u32::MAX).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

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
