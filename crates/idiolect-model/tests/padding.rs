//! What padding, masks, windows and company must never change: a row computed in a batch is the row computed alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use burn::module::Param;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use idiolect_model::{Bits, Decoder, NewTokens, NoAdapter, Session, load, load_quantized};
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

    /// Rows join, grow by one or by many, are cut back and leave; each has the scores of its tokens alone.
    #[test]
    fn a_row_does_not_notice_what_others_do(
        moves in proptest::collection::vec((0_usize..4, 0_usize..30, 1_usize..24), 1..24),
        shared in 0_u32..8,
    ) {
        for name in ["tiny-llama3", "tiny-mistral"] {
            let Some(decoder) = decoder(name) else { return Ok(()) };
            let mut session = Session::new(&decoder, &NoAdapter, 4, 48).expect("a session");
            let mut rows: Vec<Vec<u32>> = vec![(0..shared).collect(); 4];
            if shared > 0 {
                let part = NewTokens { row: 0, kept: 0, tokens: &rows[0], wanted: 1 };
                session.pass(&[part]).expect("a pass");
                session.share(shared as usize).expect("shared");
            }
            for (step, moves) in moves.chunks(3).enumerate() {
                let mut moves = moves.to_vec();
                moves.sort_unstable();
                moves.dedup_by_key(|(row, ..)| *row);
                let mut parts = Vec::new();
                for (row, kept, added) in moves {
                    let kept = kept.min(rows[row].len());
                    let added = added.min(48 - kept);
                    let id = |i: usize| u32::try_from((step * 37 + row * 91 + i * 13) % 384).unwrap();
                    rows[row].truncate(kept);
                    rows[row].extend((0..added).map(id));
                    parts.push((row, kept, 1 + step % added));
                }
                let parts: Vec<NewTokens> = parts
                    .iter()
                    .map(|&(row, kept, wanted)| NewTokens { row, kept, tokens: &rows[row][kept..], wanted })
                    .collect();
                let scores = session.pass(&parts).expect("a pass");
                let mut scores = scores.chunks(decoder.config.vocab_size);
                for part in parts {
                    let row = &rows[part.row];
                    for end in row.len() + 1 - part.wanted..=row.len() {
                        let alone = Session::start(&decoder, &NoAdapter, &[row[..end].to_vec()], 0);
                        let (off, _) = max_abs_diff(scores.next().unwrap(), &alone.expect("a session").1);
                        prop_assert!(off < 1e-4, "{} {:?} is off by {}", name, part, off);
                    }
                }
            }
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
    assert_eq!(error(&[], 1), "rows: expected at least one, found 0");
    assert_eq!(
        error(&[vec![]], 1),
        "new tokens of row 0: expected at least one, found none"
    );
    assert_eq!(
        error(&[vec![384]], 1),
        "token id: expected below the vocabulary size 384, found 384"
    );
    let long = error(&[vec![1; 250]], 10);
    assert_eq!(long, "tokens of a row: expected at most 256, found 260");
    let (mut session, _) =
        Session::start(&decoder, &NoAdapter, &[vec![1, 2]], 1).expect("a session");
    assert!(session.step(&[1, 2]).is_err());
    session.step(&[3]).expect("the one token set aside");
    assert!(
        session
            .step(&[3])
            .expect_err("full")
            .to_string()
            .contains("at most 3")
    );
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let Some(decoder) = decoder("tiny-llama3") else {
        return;
    };
    let (mut session, _) =
        Session::start(&decoder, &NoAdapter, &[vec![1, 2]], 1).expect("a session");
    let part = |row, kept, tokens, wanted| NewTokens {
        row,
        kept,
        tokens,
        wanted,
    };
    let refused: [(&[NewTokens<'_>], &str); 6] = [
        (
            &[],
            "rows of a pass: expected some, ascending, found others",
        ),
        (&[part(1, 0, &[1], 1)], "row: expected below 1, found 1"),
        (
            &[part(0, 3, &[1], 1)],
            "tokens to keep of row 0: expected at most 2, found 3",
        ),
        (
            &[part(0, 0, &[1], 2)],
            "logits of row 0: expected at most 1, found 2",
        ),
        (
            &[part(0, 2, &[1, 1], 1)],
            "tokens of row 0: expected at most 3, found 4",
        ),
        (
            &[part(0, 2, &[999], 1)],
            "token id: expected below the vocabulary size 384, found 999",
        ),
    ];
    for (parts, want) in refused {
        assert_eq!(session.pass(parts).unwrap_err().to_string(), want);
    }
    assert!(session.share(3).is_err());
}

#[test]
fn a_quantised_base_generates_with_a_copy_of_its_head() {
    for name in ["tiny-llama3", "tiny-llama-tied"] {
        let Some(mut decoder) = packed(name) else {
            return;
        };
        let ids: Vec<u32> = (3..23).collect();
        let last = |decoder: &Decoder, rows: usize| {
            let session = Session::new(decoder, &NoAdapter, rows, ids.len()).unwrap();
            let part = |row| NewTokens {
                row,
                kept: 0,
                tokens: &ids,
                wanted: 1,
            };
            let parts: Vec<NewTokens<'_>> = (0..rows).map(part).collect();
            session.with_head_copy().pass(&parts).unwrap()
        };
        let exact = logits(&decoder, &ids);
        let size = exact
            .iter()
            .fold(0_f32, |most, score| most.max(score.abs()));
        let found = last(&decoder, 1);
        let (off, _) = max_abs_diff(&found, &exact);
        // Half a step is a 254th of the largest weight of a block, and halves of steps have either sign.
        assert!(
            off > size * 2e-5 && off < size / 100.0,
            "{name}: {off} of {size}"
        );
        let (_, plain) =
            Session::start(&decoder, &NoAdapter, std::slice::from_ref(&ids), 1).unwrap();
        let (off, _) = max_abs_diff(&plain, &exact);
        assert!(off < size * 1e-5, "{name}: {off}");
        for rows in 1..9 {
            let scores = last(&decoder, rows);
            for beside in scores.chunks(decoder.config.vocab_size) {
                let (off, _) = max_abs_diff(beside, &found);
                assert!(off < size * 1e-5, "{name} beside {rows}: {off}");
            }
        }
        let other = decoder.head().zeros_like();
        decoder.weights.head = Some(Param::from_tensor(other));
        let scores = last(&decoder, 1);
        assert!(
            scores.iter().all(|score| *score == 0.0),
            "{name}: a head that was replaced"
        );
    }
}

fn packed(name: &str) -> Option<Decoder> {
    let folder = shared()?.join("oracles/tiny").join(name);
    let (device, dtype) = (Device::flex(), FloatDType::F32);
    let loaded = load_quantized(&folder, &device, dtype, Bits::Eight);
    Some(loaded.expect(name).0)
}

/// Logits after the last token, by the head itself.
fn logits(decoder: &Decoder, ids: &[u32]) -> Vec<f32> {
    let count = ids.len();
    let data = TensorData::new(ids.iter().map(|id| i64::from(*id)).collect(), [1, count]);
    let ids = Tensor::<2, Int>::from_data(data, &Device::flex());
    let hidden = decoder.hidden(ids, &NoAdapter);
    let width = decoder.config.hidden_size;
    let last = hidden.slice([0..1, count - 1..count, 0..width]);
    let logits = decoder.logits(last.reshape([1, width]));
    logits.into_data().iter::<f32>().collect()
}
