//! Marks that survive encoding: boundaries between prompt and response, special tokens in messages, new words.

#![allow(
    clippy::unwrap_used,
    clippy::needless_raw_string_hashes,
    reason = "helpers of tests may panic; expect-test writes the hashes"
)]

mod common;

use common::{any_text, byte_level, encode, segment, sentence_piece};
use expect_test::expect;
use idiolect_prompt::Segment;
use idiolect_tokens::{SpecialTokens, Tokenizer};
use proptest::prelude::*;

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
        // Where one is refused, none is added.
        let twice = ["<new>".to_owned(), "<new>".to_owned()];
        assert!(tokenizer.add_tokens(&twice).is_err());
        assert_eq!(tokenizer.id_of("<new>"), None);
    }
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
}
