//! What padding, masks and windows must never change: a row computed in a batch is the row computed alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use burn::tensor::{Device, FloatDType};
use idiolect_model::{Decoder, NoAdapter, Session, load};
use idiolect_testkit::{max_abs_diff, shared};
use proptest::prelude::*;

fn decoder(name: &str) -> Option<Decoder> {
    let folder = shared()?.join("oracles/tiny").join(name);
    Some(
        load(&folder, &Device::flex(), FloatDType::F32)
            .expect(name)
            .0,
    )
}

/// Prompts of 1 to 20 tokens, 1 to 6 of them.
fn prompts() -> impl Strategy<Value = Vec<Vec<u32>>> {
    proptest::collection::vec(proptest::collection::vec(0_u32..384, 1..20), 1..6)
}

fn argmax(scores: &[f32]) -> (u32, f32) {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    (
        u32::try_from(order[0]).expect("an id"),
        scores[order[0]] - scores[order[1]],
    )
}

/// Greedy tokens of a batch, and each row's smallest distance between the top two scores so far.
fn greedy(decoder: &Decoder, prompts: &[Vec<u32>], new: usize) -> Vec<Vec<(u32, f32)>> {
    let vocab = decoder.config.vocab_size;
    let (mut session, mut scores) =
        Session::start(decoder, &NoAdapter, prompts, new).expect("a session");
    let mut rows = vec![Vec::new(); prompts.len()];
    for _ in 0..new {
        let next: Vec<(u32, f32)> = scores.chunks(vocab).map(argmax).collect();
        rows.iter_mut()
            .zip(&next)
            .for_each(|(row, token)| row.push(*token));
        let ids: Vec<u32> = next.iter().map(|(id, _)| *id).collect();
        scores = session.step(&ids).expect("a step");
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_row_is_the_same_alone_and_in_a_batch(prompts in prompts()) {
        for name in ["tiny-llama3", "tiny-mistral"] {
            let Some(decoder) = decoder(name) else { return Ok(()) };
            let together = greedy(&decoder, &prompts, 12);
            for (prompt, row) in prompts.iter().zip(together) {
                let alone = greedy(&decoder, std::slice::from_ref(prompt), 12);
                for ((batched, margin), (single, _)) in row.iter().zip(&alone[0]) {
                    // Rounding may turn a near tie, and from there on the rows are different texts.
                    if *margin <= 1e-3 { break; }
                    prop_assert_eq!(batched, single, "{} {:?}", name, prompt);
                }
            }
        }
    }

    #[test]
    fn rows_that_stay_do_not_notice_those_that_leave(prompts in prompts(), seed in 0_usize..100) {
        let Some(decoder) = decoder("tiny-mistral") else { return Ok(()) };
        let vocab = decoder.config.vocab_size;
        let keep: Vec<usize> = (0..prompts.len()).filter(|i| (i + seed) % 2 == 0).collect();
        prop_assume!(!keep.is_empty());
        let start = || Session::start(&decoder, &NoAdapter, &prompts, 3).expect("a session").0;
        let tokens: Vec<u32> = (0..prompts.len()).map(|i| u32::try_from(i + 7).expect("an id")).collect();
        let (mut whole, mut part) = (start(), start());
        whole.step(&tokens).expect("a step");
        part.step(&tokens).expect("a step");
        part.keep(&keep).expect("rows");
        let all = whole.step(&tokens).expect("a step");
        let some = part.step(&keep.iter().map(|i| tokens[*i]).collect::<Vec<_>>()).expect("a step");
        for (at, row) in keep.iter().enumerate() {
            let (off, _) = max_abs_diff(&some[at * vocab..][..vocab], &all[row * vocab..][..vocab]);
            prop_assert!(off < 1e-4, "row {} is off by {}", row, off);
        }
    }
}

#[test]
fn input_that_does_not_fit_is_refused() {
    let Some(decoder) = decoder("tiny-llama3") else {
        return;
    };
    let error = |prompts: &[Vec<u32>], new| {
        let started = Session::start(&decoder, &NoAdapter, prompts, new);
        started.err().expect("an error").to_string()
    };
    assert_eq!(error(&[], 1), "prompts: expected at least one, found 0");
    assert_eq!(
        error(&[vec![]], 1),
        "prompt 0: expected at least one token, found none"
    );
    assert_eq!(
        error(&[vec![384]], 1),
        "token id: expected below the vocabulary size 384, found 384"
    );
    let long = error(&[vec![1; 250]], 10);
    assert_eq!(
        long,
        "tokens of prompt 0: expected at most 256, found 250 + 10 new"
    );
    let (mut session, _) =
        Session::start(&decoder, &NoAdapter, &[vec![1, 2]], 1).expect("a session");
    assert!(session.step(&[1, 2]).is_err());
    assert!(session.keep(&[1]).is_err());
    session.step(&[3]).expect("the one token set aside");
    assert!(
        session
            .step(&[3])
            .expect_err("full")
            .to_string()
            .contains("at most 3")
    );
}
