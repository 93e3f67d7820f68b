//! Every step from Burn's own operations: it runs where there is no fused step, and in f64 it is the reference of
//! the tests.

use burn::tensor::{DType, IndexingUpdateOp, Int, Tensor, TensorData, activation};

use crate::dropout::{PRIME, Threshold};
use crate::{Dropout, RowLoss};

mod attention;

pub use attention::attention;

/// [`crate::rms_norm`] from Burn's own operations.
///
/// # Shapes
///
/// - `x`: `[rows, tokens, hidden]`, and so is the result
/// - `scale`: `[hidden]`
#[must_use]
pub fn rms_norm(x: Tensor<3>, scale: Tensor<1>, eps: f64) -> Tensor<3> {
    let dtype = x.dtype();
    let x = wide(x);
    let mean_square = x.clone().square().mean_dim(2);
    let normed = x / (mean_square + eps).sqrt();
    back_to(normed, dtype) * scale.unsqueeze::<3>()
}

/// [`crate::rotate`] from Burn's own operations.
///
/// # Shapes
///
/// - `x`: `[rows, heads, tokens, head_dim]`, and so is the result
/// - `cos`, `sin`: `[rows or 1, 1, tokens, head_dim / 2]` in f32
#[must_use]
pub fn rotate(x: Tensor<4>, cos: Tensor<4>, sin: Tensor<4>) -> Tensor<4> {
    let dtype = x.dtype();
    let [rows, heads, tokens, width] = x.dims();
    let x = wide(x);
    let half = width / 2;
    let a = x.clone().slice([0..rows, 0..heads, 0..tokens, 0..half]);
    let b = x.slice([0..rows, 0..heads, 0..tokens, half..width]);
    let first = a.clone() * cos.clone() - b.clone() * sin.clone();
    let second = b * cos + a * sin;
    back_to(Tensor::cat(vec![first, second], 3), dtype)
}

/// [`crate::swiglu`] from Burn's own operations.
///
/// # Shapes
///
/// - `gate`, `up`: `[rows, tokens, width]`, and so is the result
#[must_use]
pub fn swiglu(gate: Tensor<3>, up: Tensor<3>) -> Tensor<3> {
    activation::silu(gate) * up
}

/// [`crate::linear`] with a weight that Burn's own `dequantize` reads, from Burn's own operations.
///
/// # Shapes
///
/// - `x`: `[rows, tokens, inputs]`
/// - `weight`: `[inputs, outputs]`
/// - result: `[rows, tokens, outputs]`
#[must_use]
pub fn quantized_linear(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    let dtype = x.dtype();
    burn::tensor::module::linear(x, back_to(weight.dequantize(), dtype), None)
}

/// [`crate::low_rank`] from Burn's own operations.
///
/// # Shapes
///
/// - `x`: `[rows, tokens, inputs]`
/// - `a`: `[inputs, rank]`
/// - `b`: `[rank, outputs]`
/// - result: `[rows, tokens, outputs]`
#[must_use]
pub fn low_rank(x: Tensor<3>, a: Tensor<2>, b: Tensor<2>, dropout: Option<&Dropout>) -> Tensor<3> {
    let ([rows, tokens, inputs], [_, outputs]) = (x.dims(), b.dims());
    let x = match dropout {
        Some(dropout) => dropped(x, dropout),
        None => x,
    };
    let x = back_to(x.reshape([rows * tokens, inputs]), a.dtype());
    x.matmul(a).matmul(b).reshape([rows, tokens, outputs])
}

/// [`crate::dropped`] from Burn's own operations; in f64 where `x` is that.
///
/// # Shapes
///
/// - `x`: `[rows, tokens, channels]`, and so is the result
#[must_use]
pub fn dropped(x: Tensor<3>, dropout: &Dropout) -> Tensor<3> {
    let ([rows, tokens, channels], x) = (x.dims(), wide(x));
    let device = x.device().without_autodiff();
    let numbers = |keys: &[u16], shape: [usize; 3]| {
        let keys: Vec<i32> = keys.iter().map(|key| i32::from(*key)).collect();
        Tensor::<3, Int>::from_data(TensorData::new(keys, shape), &device)
    };
    let of_token = |keys: &Vec<u16>| numbers(keys, [rows, tokens, 1]);
    let of_channel = |keys: &Vec<u16>| numbers(keys, [1, 1, channels]);
    let [a, c] = dropout.tokens.each_ref().map(of_token);
    let [b, d] = dropout.channels.each_ref().map(of_channel);
    let hash = (a * b + c + d).remainder_scalar(PRIME);
    let Threshold { limit, kept } = Threshold::of(dropout);
    let mask = hash.greater_equal_elem(limit).float().cast(x.dtype());
    x * mask.mul_scalar(kept)
}

/// [`crate::row_loss`] from Burn's own operations.
///
/// # Shapes
///
/// - `logits`: `[rows, vocab]`
/// - `targets`: `rows` ids below `vocab`
#[must_use]
pub fn row_loss(logits: Tensor<2>, targets: &[i64], scale: f64) -> RowLoss {
    let logits = wide(logits);
    let (device, dtype) = (logits.device(), logits.dtype());
    let data = TensorData::new(targets.to_vec(), [targets.len(), 1]);
    let target: Tensor<2, Int> = Tensor::from_data(data, &device);
    let max = logits.clone().max_dim(1);
    let chosen = logits.clone().gather(1, target.clone()) - max.clone();
    let exp = (logits - max).exp();
    let exp_sum = exp.clone().sum_dim(1);
    let nll = exp_sum.clone().log() - chosen;
    let onehot = Tensor::full(target.dims(), -scale, (&device, dtype));
    let softmax = exp * (exp_sum.recip() * scale);
    let gradient = softmax.scatter(1, target, onehot, IndexingUpdateOp::Add);
    RowLoss {
        nll: nll.squeeze_dim(1),
        gradient,
    }
}

/// [`crate::row_nll`] from Burn's own operations.
///
/// # Shapes
///
/// - `logits`: `[rows, vocab]`
/// - `targets`: `rows` ids below `vocab`
/// - result: `[rows]` in f32
#[must_use]
pub fn row_nll(logits: Tensor<2>, targets: &[i64]) -> Tensor<1> {
    let logits = wide(logits);
    let data = TensorData::new(targets.to_vec(), [targets.len(), 1]);
    let target: Tensor<2, Int> = Tensor::from_data(data, &logits.device());
    let max = logits.clone().max_dim(1);
    let chosen = logits.clone().gather(1, target) - max.clone();
    let nll = (logits - max).exp().sum_dim(1).log() - chosen;
    nll.squeeze_dim(1)
}

/// The tensor in the type that norms, angles, scores and losses are computed in: f32, or f64 where it is f64.
fn wide<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    match x.dtype() {
        DType::F32 | DType::F64 => x,
        _ => x.cast(DType::F32),
    }
}

fn back_to<const D: usize>(x: Tensor<D>, dtype: DType) -> Tensor<D> {
    if x.dtype() == dtype { x } else { x.cast(dtype) }
}
