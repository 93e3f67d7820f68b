//! Rows that the tokenizer refuses, and what an adapter learns from them where nobody refuses.
//!
//! The loop's own guards are tested in `idiolect-train`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests end them"
)]

use std::path::PathBuf;

use burn::tensor::{Device, FloatDType};
use idiolect::lm::token_nll;
use idiolect::lora::{LoraAdapter, LoraConfig};
use idiolect::model::Decoder;
use idiolect::prompt::{Piece, Rendered, Segment, Special};
use idiolect::tokens::{IGNORE, SpecialTokens, TokenBatch, TokenRow, Tokenizer};
use idiolect_testkit::shared;
use idiolect_tests::learn;
use serde_json::json;

fn folder() -> Option<PathBuf> {
    Some(shared()?.join("oracles/tiny/tiny-llama3"))
}

/// The tiny checkpoint, and its tokenizer as one that begins each text with `<s>`.
fn opened() -> Option<(Decoder, Tokenizer)> {
    let folder = folder()?;
    let (decoder, _) = idiolect::model::load(&folder, &Device::flex(), FloatDType::F32).unwrap();
    let special = SpecialTokens {
        bos: Some("<s>".into()),
        eos: Some("</s>".into()),
        add_bos: Some(true),
        ..SpecialTokens::default()
    };
    let file = folder.join("tokenizer.json");
    Some((decoder, Tokenizer::from_file(&file, &special).unwrap()))
}

/// An adapter after a run on one row that learns it by heart.
fn learned(decoder: &Decoder, row: &TokenRow) -> LoraAdapter {
    let config = LoraConfig {
        targets: "all-linear".parse().unwrap(),
        ..LoraConfig::default()
    };
    learn(decoder, &config, row, 40).1
}

/// Nats of each trained token of a row.
fn nats(decoder: &Decoder, adapter: &LoraAdapter, row: &TokenRow) -> Vec<f32> {
    token_nll(decoder, adapter, &TokenBatch::new(&[row], 0))
}

/// A row whose first tokens are not trained.
fn row(input_ids: Vec<u32>, prompt: usize) -> TokenRow {
    let label = |(at, &id): (usize, &u32)| if at < prompt { IGNORE } else { i64::from(id) };
    TokenRow {
        id: json!("r1"),
        labels: input_ids.iter().enumerate().map(label).collect(),
        input_ids,
        teacher: Vec::new(),
    }
}

fn text(pieces: &[(&str, bool)]) -> Piece {
    let segment = |(text, trained): &(&str, bool)| Segment {
        text: (*text).into(),
        trained: *trained,
        content: false,
    };
    Piece::Text(pieces.iter().map(segment).collect())
}

#[test]
fn a_response_without_its_end_would_teach_to_go_on_and_is_refused() {
    let Some((decoder, tokenizer)) = opened() else {
        return;
    };
    let pieces = |answer| vec![text(&[("Say red.\n", false), (answer, true)])];
    let closed = Rendered {
        pieces: pieces("red it is</s>"),
    };
    let closed = tokenizer.example_row(json!("r1"), &closed, &[]).unwrap();
    let mut open = closed.clone();
    open.input_ids.pop();
    open.labels.pop();
    let end = |row| {
        *nats(&decoder, &learned(&decoder, row), &closed)
            .last()
            .unwrap()
    };
    let (with, without) = (end(&closed), end(&open));
    assert!(with < 0.1, "the end costs {with} nats after it was trained");
    assert!(without > 3.0, "the end costs {without} nats without it");

    let rendered = Rendered {
        pieces: pieces("red it is"),
    };
    let refusal = tokenizer
        .example_row(json!("r1"), &rendered, &[])
        .unwrap_err();
    let refusal = refusal.to_string();
    assert!(
        refusal.contains("expected an end-of-turn token"),
        "{refusal}"
    );
}

#[test]
fn two_beginnings_of_text_would_train_what_generation_never_sees_and_are_refused() {
    let Some((decoder, tokenizer)) = opened() else {
        return;
    };
    let bos = || Piece::Special {
        token: Special::Bos,
        trained: false,
    };
    let once = Rendered {
        pieces: vec![bos(), text(&[("Say red.\n", false)])],
    };
    let prompt = tokenizer.encode(&once).unwrap().ids;
    let begin = tokenizer.bos().expect("a beginning of text");
    assert!(prompt[0] == begin && prompt[1] != begin);
    let answer = tokenizer.encode_text("red it is</s>").unwrap();
    let seen = row([&prompt[..], &answer].concat(), prompt.len());
    let doubled = row([&[begin], &prompt[..], &answer].concat(), prompt.len() + 1);
    let cost = |trained| -> f32 {
        let adapter = learned(&decoder, trained);
        nats(&decoder, &adapter, &seen).iter().sum()
    };
    let (right, wrong) = (cost(&seen), cost(&doubled));
    assert!(
        wrong > 1.05 * right,
        "{wrong} nats after two, {right} after one"
    );

    let twice = Rendered {
        pieces: vec![
            bos(),
            text(&[("<s>Say red.\n", false), ("red it is</s>", true)]),
        ],
    };
    let refusal = tokenizer.example_row(json!("r1"), &twice, &[]).unwrap_err();
    assert_eq!(refusal.to_string(), r#"text begins with "<s>" twice"#);
}
