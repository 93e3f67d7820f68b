//! The cross-entropy of rows of logits and its gradient, without autodiff.
//!
//! With `p = softmax(z)`: `nll = logsumexp(z) - z[target]` and `dz = (p - onehot(target)) * scale`.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{FloatDType, IndexingUpdateOp, Shape};

use super::{dims, narrow, wide};
use crate::extension::backend::RowLosses;

/// The loss of each row in f32, and the gradient of its logits in their type.
pub(crate) fn with_gradient<B: Backend>(
    logits: FloatTensor<B>,
    targets: IntTensor<B>,
    scale: f64,
) -> RowLosses<B> {
    let (dtype, device) = (logits.dtype(), logits.device());
    let logits = wide::<B>(logits);
    let Parts { nll, exp, sum } = parts::<B>(logits, targets.clone());
    let softmax = B::float_mul_scalar(B::float_div(exp, sum), scale.into());
    let (targets, shape) = (column::<B>(targets), nll.shape());
    let onehot = B::float_full(
        Shape::new([shape[0], 1]),
        (-scale).into(),
        &device,
        softmax.dtype().into(),
    );
    let gradient = B::float_scatter(1, softmax, targets, onehot, IndexingUpdateOp::Add);
    RowLosses {
        nll: B::float_cast(nll, FloatDType::F32),
        gradient: narrow::<B>(gradient, dtype),
    }
}

/// The loss of each row in f32.
pub(crate) fn alone<B: Backend>(logits: FloatTensor<B>, targets: IntTensor<B>) -> FloatTensor<B> {
    let Parts { nll, .. } = parts::<B>(wide::<B>(logits), targets);
    B::float_cast(nll, FloatDType::F32)
}

struct Parts<B: Backend> {
    /// `[rows]`.
    nll: FloatTensor<B>,
    /// `[rows, vocab]`.
    exp: FloatTensor<B>,
    /// `[rows, 1]`.
    sum: FloatTensor<B>,
}

fn parts<B: Backend>(logits: FloatTensor<B>, targets: IntTensor<B>) -> Parts<B> {
    let [rows, _] = dims(&logits);
    let max = B::float_max_dim(logits.clone(), 1);
    let chosen = B::float_gather(1, logits.clone(), column::<B>(targets));
    let exp = B::float_exp(B::float_sub(logits, max.clone()));
    let sum = B::float_sum_dim(exp.clone(), 1);
    let nll = B::float_sub(B::float_log(sum.clone()), B::float_sub(chosen, max));
    let nll = B::float_reshape(nll, Shape::new([rows]));
    Parts { nll, exp, sum }
}

/// `[rows]` as `[rows, 1]`.
fn column<B: Backend>(targets: IntTensor<B>) -> IntTensor<B> {
    let [rows] = dims(&targets);
    B::int_reshape(targets, Shape::new([rows, 1]))
}
