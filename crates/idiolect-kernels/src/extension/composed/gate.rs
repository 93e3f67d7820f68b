//! The gated unit `silu(gate) * up`.
//!
//! With `s = sigmoid(gate)`: `dup = dy gate s` and `dgate = dy up s (1 + gate (1 - s))`.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};

use super::{narrow, wide};

/// `silu(gate) * up`.
pub(crate) fn forward<B: Backend>(gate: FloatTensor<B>, up: FloatTensor<B>) -> FloatTensor<B> {
    let dtype = gate.dtype();
    let (gate, up) = (wide::<B>(gate), wide::<B>(up));
    let silu = B::float_mul(gate.clone(), B::sigmoid(gate));
    narrow::<B>(B::float_mul(silu, up), dtype)
}

/// The gradients of `gate` and `up`.
pub(crate) fn backward<B: Backend>(
    dy: FloatTensor<B>,
    gate: FloatTensor<B>,
    up: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let dtype = gate.dtype();
    let (dy, gate, up) = (wide::<B>(dy), wide::<B>(gate), wide::<B>(up));
    let s = B::sigmoid(gate.clone());
    let dys = B::float_mul(dy, s.clone());
    let dup = B::float_mul(dys.clone(), gate.clone());
    let rest = B::float_add_scalar(B::float_neg(s), 1.0.into());
    let derivative = B::float_add_scalar(B::float_mul(gate, rest), 1.0.into());
    let dgate = B::float_mul(B::float_mul(dys, up), derivative);
    (narrow::<B>(dgate, dtype), narrow::<B>(dup, dtype))
}
