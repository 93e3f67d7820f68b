//! Rows that the tokenizer refuses, and what an adapter learns from them where nobody refuses.
//!
//! The loop's own guards are tested in `idiolect-train`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests end them"
)]

use std::ops::ControlFlow;
use std::path::PathBuf;

use burn::module::Module;
use burn::tensor::{Device, FloatDType};
use idiolect::lora::{LoraAdapter, LoraConfig, Tape};
use idiolect::model::Decoder;
use idiolect::prompt::{Piece, Rendered, Segment, Special};
use idiolect::tokens::{IGNORE, SpecialTokens, TokenBatch, TokenRow, Tokenizer};
use idiolect::train::{TrainConfig, Trainer};
use idiolect_cli::objective::{AdapterLoss, Loss, token_nll};
use idiolect_testkit::shared;
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
fn learn(decoder: &Decoder, row: &TokenRow) -> LoraAdapter {
    let device = decoder.device().autodiff();
    let config = LoraConfig {
        targets: "all-linear".parse().unwrap(),
        ..LoraConfig::default()
    };
    let adapter = LoraAdapter::new(&config, decoder, 3, &device).unwrap();
    let config = TrainConfig {
        epochs: 40,
        learning_rate: 1e-2,
        accumulation: 1,
        ..TrainConfig::default()
    };
    let objective = AdapterLoss {
        decoder,
        tape: Tape::Blocks,
        loss: Loss::CrossEntropy,
    };
    let rows = [row.clone()];
    let trained = Trainer::new(&config, &objective, &rows, 0)
        .run(adapter, &mut |_| ControlFlow::Continue(()));
    trained.expect("a run").module.valid()
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
    let closed = tokenizer.example_row(json!("r1"), &closed).unwrap();
    let mut open = closed.clone();
    open.input_ids.pop();
    open.labels.pop();
    let end = |row| {
        *nats(&decoder, &learn(&decoder, row), &closed)
            .last()
            .unwrap()
    };
    let (with, without) = (end(&closed), end(&open));
    assert!(with < 0.1, "the end costs {with} nats after it was trained");
    assert!(without > 3.0, "the end costs {without} nats without it");

    let rendered = Rendered {
        pieces: pieces("red it is"),
    };
    let refusal = tokenizer.example_row(json!("r1"), &rendered).unwrap_err();
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
        let adapter = learn(&decoder, trained);
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
    let refusal = tokenizer.example_row(json!("r1"), &twice).unwrap_err();
    assert_eq!(refusal.to_string(), r#"text begins with "<s>" twice"#);
}
