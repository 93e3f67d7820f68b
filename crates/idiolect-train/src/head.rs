//! The loss of a frozen language-model head, in chunks of rows and without a tape.
//!
//! With `z = h W` and `p = softmax(z)`, the token loss is `logsumexp(z) - z[target]` and its
//! gradient with respect to `h` is `(p - onehot(target)) W^T`.
//! The head is not trained, so nothing else is needed and `[tokens, vocab]` never exists whole.
//! A head that is trained itself needs a tape and is not for this file.

use burn::tensor::Tensor;
use idiolect_kernels::{RowLoss, row_loss, row_nll};

/// Rows of a chunk that suit most heads: the product is efficient, and the logits of a
/// vocabulary of 128,000 take some 64 MiB.
pub const CHUNK_ROWS: usize = 128;

/// The loss of the head at trained positions, and its gradient there.
#[derive(Debug, Clone)]
pub struct HeadLoss {
    /// Sum of the token losses in nats, added up in f64.
    pub sum: f64,
    /// Gradient of `sum / divisor` with respect to the hidden rows, in their dtype.
    pub gradient: Tensor<2>,
}

/// The loss of a frozen head and its gradient with respect to the hidden rows.
///
/// `hidden` holds the rows that predict a trained token (position `t` for the token at `t + 1`),
/// `targets` the tokens they predict. Both tensors have one dtype; logits are cast to f32 before
/// anything is computed from them.
/// The chunk size moves the result by rounding only. See [`CHUNK_ROWS`].
///
/// # Shapes
///
/// - hidden: `[n, width]`
/// - targets: `n` ids below `vocab`
/// - weight: `[width, vocab]`; a view of `[vocab, width]` as checkpoints hold it is the fastest on
///   the CPU, since the way back reads it in order
/// - gradient: `[n, width]`
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn head_loss(
    hidden: &Tensor<2>,
    targets: &[i64],
    weight: &Tensor<2>,
    divisor: f64,
    chunk_rows: usize,
) -> HeadLoss {
    let weight = weight.clone().without_autodiff();
    let hidden = hidden.clone().without_autodiff();
    let mut sum = 0.0;
    let mut gradients = Vec::new();
    for (chunk, target) in chunks(&hidden, targets, chunk_rows) {
        let RowLoss { nll, slope } = row_loss(chunk.matmul(weight.clone()), target, 1.0 / divisor);
        sum += nll.iter().map(|&nll| f64::from(nll)).sum::<f64>();
        let slope = slope.cast(hidden.dtype());
        gradients.push(slope.matmul(weight.clone().transpose()));
    }
    let gradient = if gradients.is_empty() {
        hidden
    } else {
        Tensor::cat(gradients, 0)
    };
    HeadLoss { sum, gradient }
}

/// The negative log-likelihood in nats of each target under a head, without gradients.
///
/// # Shapes
///
/// As [`head_loss`]; the result has one value for each row.
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
    let hidden = hidden.clone().without_autodiff();
    let mut values = Vec::with_capacity(targets.len());
    for (chunk, target) in chunks(&hidden, targets, chunk_rows) {
        values.extend(row_nll(chunk.matmul(weight.clone()), target));
    }
    values
}

/// Chunks of rows beside their targets.
fn chunks<'a>(
    hidden: &'a Tensor<2>,
    targets: &'a [i64],
    chunk_rows: usize,
) -> impl Iterator<Item = (Tensor<2>, &'a [i64])> {
    let [rows, width] = hidden.dims();
    assert_eq!(rows, targets.len(), "one target for each hidden row");
    let chunk_rows = chunk_rows.max(1);
    targets
        .chunks(chunk_rows)
        .enumerate()
        .map(move |(index, targets)| {
            let start = index * chunk_rows;
            let end = start + targets.len();
            (hidden.clone().slice([start..end, 0..width]), targets)
        })
}
