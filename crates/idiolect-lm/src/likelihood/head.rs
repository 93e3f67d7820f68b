//! What a head makes of targets, without gradients: their negative log-likelihood, in chunks of rows.
//!
//! With `z = h W` the loss of a token is `logsumexp(z) - z[target]`; `[tokens, vocab]` never exists whole.

use burn::tensor::{Int, Tensor};
use idiolect_kernels::{chunk_values, linear_of_rows, row_chunks, row_nll};

/// The negative log-likelihood in nats of each target under a head.
///
/// `hidden` holds the rows that predict a target (position `t` for the token at `t + 1`).
/// The chunk size moves the result by rounding only; 128 rows suit most heads.
///
/// # Shapes
///
/// - hidden: `[n, width]`
/// - targets: `n` ids below `vocab`
/// - weight: `[width, vocab]`
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn head_nll(
    hidden: &Tensor<2>,
    targets: &[i64],
    weight: &Tensor<2>,
    chunk_rows: usize,
) -> Vec<f32> {
    let weight = weight.clone().without_autodiff();
    let chunks = row_chunks(hidden.clone().without_autodiff(), targets, chunk_rows);
    let losses =
        chunks.map(|(chunk, target)| row_nll(linear_of_rows(chunk, weight.clone()), target));
    chunk_values(losses.collect())
}

/// What a head makes of targets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeadScores {
    /// Negative log-likelihood of each target in nats.
    pub nll: Vec<f32>,
    /// Whether no other word of the vocabulary is likelier than the target.
    pub correct: Vec<bool>,
}

/// The likelihood of each target, and whether it is the likeliest word.
///
/// # Shapes
///
/// As [`head_nll`].
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn head_scores(
    hidden: &Tensor<2>,
    targets: &[i64],
    weight: &Tensor<2>,
    chunk_rows: usize,
) -> HeadScores {
    let weight = weight.clone().without_autodiff();
    let (mut losses, mut likeliest) = (Vec::new(), Vec::new());
    let hidden = hidden.clone().without_autodiff();
    for (chunk, target) in row_chunks(hidden, targets, chunk_rows) {
        let logits = linear_of_rows(chunk, weight.clone());
        likeliest.push(logits.clone().argmax(1));
        losses.push(row_nll(logits, target));
    }
    if losses.is_empty() {
        return HeadScores::default();
    }
    let found: Tensor<2, Int> = Tensor::cat(likeliest, 0);
    let found = found.into_data();
    let pairs = found.iter::<i64>().zip(targets);
    HeadScores {
        nll: chunk_values(losses),
        correct: pairs.map(|(found, wanted)| found == *wanted).collect(),
    }
}
