//! Every step from Burn's own operations: what runs where no fused step serves, and, on f64, the oracle of
//! the tests.

use burn::tensor::{DType, IndexingUpdateOp, Int, Tensor, TensorData, activation};

use crate::RowLoss;

/// [`crate::rms_norm`] without fusing.
///
/// # Shapes
///
/// As there.
#[must_use]
pub fn rms_norm(x: Tensor<3>, scale: Tensor<1>, eps: f64) -> Tensor<3> {
    let dtype = x.dtype();
    let x = wide(x);
    let mean_square = x.clone().square().mean_dim(2);
    let normed = x / (mean_square + eps).sqrt();
    back_to(normed, dtype) * scale.unsqueeze::<3>()
}

/// [`crate::rotate`] without fusing.
///
/// # Shapes
///
/// As there.
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

/// [`crate::swiglu`] without fusing.
///
/// # Shapes
///
/// As there.
#[must_use]
pub fn swiglu(gate: Tensor<3>, up: Tensor<3>) -> Tensor<3> {
    activation::silu(gate) * up
}

/// [`crate::linear`] with a quantised weight, without fusing.
///
/// # Shapes
///
/// As there.
#[must_use]
pub fn packed_linear(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    let dtype = x.dtype();
    burn::tensor::module::linear(x, back_to(weight.dequantize(), dtype), None)
}

/// [`crate::attention`] without fusing.
///
/// # Shapes
///
/// As there.
#[must_use]
pub fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, mask: Option<Tensor<4>>) -> Tensor<4> {
    let [rows, heads, tokens, width] = q.dims();
    let [_, kv_heads, keys, _] = k.dims();
    let group = heads / kv_heads;
    let dtype = q.dtype();
    // Heads of one group are neighbours, so the group folds into the token axis for free.
    let q = q.mul_scalar((width as f64).sqrt().recip());
    let q = q.reshape([rows, kv_heads, group * tokens, width]);
    let scores = wide(
        q.matmul(k.swap_dims(2, 3))
            .reshape([rows, heads, tokens, keys]),
    );
    let scores = match mask {
        Some(mask) => scores + mask,
        None => scores,
    };
    let weights = back_to(activation::softmax(scores, 3), dtype);
    let weights = weights.reshape([rows, kv_heads, group * tokens, keys]);
    weights.matmul(v).reshape([rows, heads, tokens, width])
}

/// [`crate::row_loss`] without fusing.
///
/// # Shapes
///
/// As there.
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
    let slope = softmax.scatter(1, target, onehot, IndexingUpdateOp::Add);
    RowLoss {
        nll: nll.squeeze_dim(1),
        slope,
    }
}

/// [`crate::row_nll`] without fusing.
///
/// # Shapes
///
/// As there.
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

/// What norms, angles, scores and losses are computed in: f32, or f64 where the tensor is.
fn wide<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    match x.dtype() {
        DType::F32 | DType::F64 => x,
        _ => x.cast(DType::F32),
    }
}

fn back_to<const D: usize>(x: Tensor<D>, dtype: DType) -> Tensor<D> {
    if x.dtype() == dtype { x } else { x.cast(dtype) }
}
