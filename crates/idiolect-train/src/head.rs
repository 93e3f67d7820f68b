//! The loss of a frozen language-model head, in chunks of rows and without a tape.
//!
//! With `z = h W` and `p = softmax(z)`, the token loss is `logsumexp(z) - z[target]` and its
//! gradient with respect to `h` is `(p - onehot(target)) W^T`.
//! The head is not trained, so nothing else is needed and `[tokens, vocab]` never exists whole.
//! A head that is trained itself needs a tape and is not for this file.

use burn::tensor::{DType, IndexingUpdateOp, Int, Tensor, TensorData};

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
        let softmax = Softmax::new(chunk.matmul(weight.clone()), &target);
        sum += to_host(softmax.nll.clone())
            .iter()
            .map(|&nll| f64::from(nll))
            .sum::<f64>();
        let slope = softmax
            .into_slope(target, 1.0 / divisor)
            .cast(hidden.dtype());
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
        values.extend(to_host(
            Softmax::new(chunk.matmul(weight.clone()), &target).nll,
        ));
    }
    values
}

/// The parts of a softmax over `[m, vocab]` logits that the loss and its gradient share.
struct Softmax {
    /// Exponentials of the logits less their row maximum, `[m, vocab]`.
    exp: Tensor<2>,
    /// Their row sums, `[m, 1]`.
    exp_sum: Tensor<2>,
    /// Loss of each row, `[m, 1]`.
    nll: Tensor<2>,
}

impl Softmax {
    fn new(logits: Tensor<2>, target: &Tensor<2, Int>) -> Self {
        let logits = logits.cast(DType::F32);
        let max = logits.clone().max_dim(1);
        let chosen = logits.clone().gather(1, target.clone()) - max.clone();
        let exp = (logits - max).exp();
        let exp_sum = exp.clone().sum_dim(1);
        let nll = exp_sum.clone().log() - chosen;
        Self { exp, exp_sum, nll }
    }

    /// `(softmax - onehot) * scale`, `[m, vocab]`.
    fn into_slope(self, target: Tensor<2, Int>, scale: f64) -> Tensor<2> {
        let onehot = Tensor::full(target.dims(), -scale, (&self.exp.device(), DType::F32));
        let softmax = self.exp * (self.exp_sum.recip() * scale);
        softmax.scatter(1, target, onehot, IndexingUpdateOp::Add)
    }
}

/// Chunks of rows beside their targets as `[m, 1]` indices.
fn chunks(
    hidden: &Tensor<2>,
    targets: &[i64],
    chunk_rows: usize,
) -> impl Iterator<Item = (Tensor<2>, Tensor<2, Int>)> {
    let [rows, width] = hidden.dims();
    assert_eq!(rows, targets.len(), "one target for each hidden row");
    let chunk_rows = chunk_rows.max(1);
    targets
        .chunks(chunk_rows)
        .enumerate()
        .map(move |(index, targets)| {
            let start = index * chunk_rows;
            let end = start + targets.len();
            let data = TensorData::new(targets.to_vec(), [targets.len(), 1]);
            (
                hidden.clone().slice([start..end, 0..width]),
                Tensor::from_data(data, &hidden.device()),
            )
        })
}

fn to_host(values: Tensor<2>) -> Vec<f32> {
    values.into_data().iter::<f32>().collect()
}
