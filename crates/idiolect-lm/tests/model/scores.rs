//! Rows scored: against the plain loss of each row alone, and what is refused.

use std::sync::Mutex;

use burn::tensor::{Device, Tensor, TensorData, activation};
use idiolect_completion::{Progress, Quiet};
use idiolect_data::{Example, Role};
use idiolect_lm::likelihood::{head_nll, head_scores};
use idiolect_lm::{LmError, ScoreRow, token_nll, token_scores};
use idiolect_tokens::{IGNORE, TokenBatch, TokenRow};

use crate::tiny::{message, rows, tiny};

#[test]
fn a_score_is_the_sum_of_its_tokens_losses() {
    let Some(model) = tiny() else { return };
    let rows = rows(7);
    let scores = model.score(&rows, 1, &Quiet).unwrap();
    for (row, score) in rows.iter().zip(&scores) {
        let batch = TokenBatch::new(&[row], 0);
        let nll = token_nll(model.decoder(), model.adapter(), &batch);
        assert_eq!(score.id, row.id);
        assert_eq!(
            (score.tokens, nll.len()),
            (row.trained_tokens(), score.tokens)
        );
        let sum: f64 = nll.iter().map(|nll| f64::from(*nll)).sum();
        assert_eq!(score.nll.to_bits(), sum.to_bits());
        let pairs = token_scores(model.decoder(), model.adapter(), &batch);
        assert_eq!(pairs.iter().map(|pair| pair.0).collect::<Vec<_>>(), nll);
    }
    let together = model.score(&rows, 4, &Quiet).unwrap();
    for (alone, together) in scores.iter().zip(&together) {
        assert!((alone.nll - together.nll).abs() < 1e-4);
    }
    let json = serde_json::to_string(&scores[0]).unwrap();
    assert!(
        json.starts_with(r#"{"id":0,"nll":"#) && json.ends_with(r#""tokens":3}"#),
        "{json}"
    );
}

#[test]
fn rows_without_a_trained_token_have_no_loss() {
    let Some(model) = tiny() else { return };
    let mut all = rows(3);
    all[1].labels.fill(IGNORE);
    all.push(TokenRow {
        id: "none".into(),
        input_ids: Vec::new(),
        labels: Vec::new(),
        teacher: Vec::new(),
    });
    for batch_size in [1, 2, 9] {
        let scores = model.score(&all, batch_size, &Quiet).unwrap();
        let tokens: Vec<usize> = scores.iter().map(|row| row.tokens).collect();
        assert_eq!(
            tokens,
            [all[0].trained_tokens(), 0, all[2].trained_tokens(), 0]
        );
        assert!(scores[1].nll.abs() + scores[3].nll.abs() < f64::EPSILON);
    }
}

#[test]
fn rows_that_do_not_fit_are_refused_by_name() {
    let Some(model) = tiny() else { return };
    let refused = |row: TokenRow, batch_size| model.score(&[row], batch_size, &Quiet).unwrap_err();
    let row = rows(1).remove(0);
    let error = refused(row.clone(), 0).to_string();
    assert_eq!(error, "batch_size: expected at least 1, found 0");
    let long = TokenRow::all_trained("long".into(), vec![5; 257]);
    let error = refused(long, 1).to_string();
    assert_eq!(
        error,
        "row long: length: expected at most 256 tokens, the model's positions, found 257"
    );
    let outside = TokenRow::all_trained(7.into(), vec![5, 384]);
    assert!(matches!(refused(outside, 1), LmError::Tokens(_)));
    let open = ScoreRow::Example(Example::new(
        "q".into(),
        vec![message(Role::User, "no answer")],
    ));
    let error = model.score_row(open).unwrap_err();
    assert!(
        matches!(error, LmError::Row { .. }) && error.to_string().starts_with("row q: "),
        "{error}"
    );
}

#[test]
fn a_conversation_is_scored_and_shown_with_its_mask() {
    let Some(model) = tiny() else { return };
    let turns = vec![
        message(Role::User, "Say red."),
        message(Role::Assistant, "red"),
    ];
    let row = model
        .score_row(ScoreRow::Example(Example::new(1.into(), turns)))
        .unwrap();
    let masked = model.masked(&row).unwrap();
    let trained: Vec<&str> = masked
        .spans
        .iter()
        .filter(|span| span.1)
        .map(|span| span.0.as_str())
        .collect();
    assert_eq!(trained, ["red<|im_end|>"]);
    let shown = masked.to_string();
    assert!(
        shown.starts_with("--- 1\n") && shown.ends_with("«red<|im_end|>»"),
        "{shown}"
    );
    assert!(model.score(&[row], 1, &Quiet).unwrap()[0].nll > 0.0);
}

#[derive(Default)]
struct Count(Mutex<[usize; 2]>);

impl Progress for Count {
    fn begin(&self, stage: &str, total: usize) {
        assert_eq!(stage, "score");
        self.0.lock().unwrap()[0] = total;
    }

    fn advance(&self, units: usize) {
        self.0.lock().unwrap()[1] += units;
    }
}

#[test]
fn progress_counts_every_row() {
    let Some(model) = tiny() else { return };
    let count = Count::default();
    model.score(&rows(7), 3, &count).unwrap();
    assert_eq!(count.0.into_inner().unwrap(), [7, 7]);
}

/// Numbers that follow from `seed` alone.
fn tensor(shape: [usize; 2], seed: f32) -> Tensor<2> {
    let values = (0..shape[0] * shape[1]).map(|at| (at as f32 * 0.37 + seed).sin());
    Tensor::from_data(TensorData::new(values.collect(), shape), &Device::flex())
}

#[test]
fn a_heads_loss_is_that_of_a_softmax_for_any_chunk() {
    let (width, vocab) = (12, 101);
    for rows in [1, 7, 40] {
        let (hidden, weight) = (tensor([rows, width], 1.0), tensor([width, vocab], 2.0));
        let targets: Vec<i64> = (0..).map(|at| at * 31 % 101).take(rows).collect();
        let logits = hidden.clone().matmul(weight.clone());
        let plain = -activation::log_softmax(logits.clone(), 1);
        let plain: Vec<f32> = plain.into_data().iter::<f32>().collect();
        let likeliest: Vec<i64> = logits.argmax(1).into_data().iter::<i64>().collect();
        // The same weights as a view of their transpose, as a tied embedding has them.
        let turned = weight.clone().transpose().into_data();
        let view = Tensor::<2>::from_data(turned, &weight.device()).transpose();
        for (weight, chunk) in [(&weight, 1), (&view, 3), (&weight, 128)] {
            let found = head_nll(&hidden, &targets, weight, chunk);
            assert_eq!(found.len(), rows);
            for (row, (found, target)) in found.iter().zip(&targets).enumerate() {
                let expected = plain[row * vocab + usize::try_from(*target).unwrap()];
                assert!(
                    (found - expected).abs() <= 1e-6 * expected.abs().max(1.0),
                    "{found} {expected}"
                );
            }
            let scores = head_scores(&hidden, &targets, weight, chunk);
            assert_eq!(scores.nll, found);
            let equal: Vec<bool> = likeliest
                .iter()
                .zip(&targets)
                .map(|(a, b)| a == b)
                .collect();
            assert_eq!(scores.correct, equal);
            let all = head_scores(&hidden, &likeliest, weight, chunk);
            assert!(all.correct.iter().all(|right| *right));
        }
    }
    let none = tensor([1, width], 0.0).slice([0..0, 0..width]);
    assert!(head_nll(&none, &[], &tensor([width, vocab], 2.0), 4).is_empty());
}
