//! The steps as an extension of Burn's backends: each with the gradient of its own, which autodiff calls.
//!
//! A step's body here is composed of the backend's operations; a backend with kernels puts them in its place.

use burn::backend::backend_extension;
use burn::backend::tensor::{FloatTensor, QuantizedTensor};

use super::attention::{Attended, AttentionInputs, Kept};
#[cfg(any(feature = "cube", feature = "remote"))]
use super::attention::{AttendedMetadata, KeptMetadata};
use super::composed::{attention, dims, gate, low_rank, norm, product, rotary};
use super::drops::Drops;
use super::place::Place;
use super::scores::Scores;
use crate::Dropout;

/// The steps on a backend's own tensors.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cube"),
    Fusion: cfg(any(feature = "cube", feature = "remote")),
    Remote: cfg(feature = "remote"),
    Autodiff
)]
pub(crate) trait Steps: Scores + Drops + Place {
    /// `x / sqrt(mean(x^2) + eps) * scale`, `x` is `[rows, tokens, hidden]`.
    #[fusion(dtype = x, shape = x)]
    fn rms_norm(x: FloatTensor<Self>, scale: FloatTensor<Self>, eps: f64) -> FloatTensor<Self> {
        norm::forward::<Self>(x, scale, eps)
    }
    /// The gradient of `x`.
    #[fusion(dtype = x, shape = x)]
    fn rms_norm_backward(
        dy: FloatTensor<Self>,
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        norm::backward::<Self>(dy, x, scale, eps)
    }
    /// The gradient of `scale`.
    #[fusion(default)]
    fn rms_norm_backward_scale(
        dy: FloatTensor<Self>,
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        norm::backward_scale::<Self>(dy, x, scale, eps)
    }
    /// Heads `[rows, heads, tokens, head_dim]` rotated by the angles, or by their opposite where `backward`.
    #[fusion(dtype = x, shape = x)]
    fn rotate(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        backward: bool,
    ) -> FloatTensor<Self> {
        rotary::rotate::<Self>(x, cos, sin, backward)
    }
    /// `silu(gate) * up`.
    #[fusion(default)]
    fn swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        if Self::IS_REMOTE {
            return Self::swiglu_whole(gate, up);
        }
        gate::forward::<Self>(gate, up)
    }
    /// [`Steps::swiglu`] as one operation.
    #[fusion(dtype = gate, shape = gate)]
    fn swiglu_whole(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        gate::forward::<Self>(gate, up)
    }
    /// The gradients of `gate` and `up`.
    #[fusion(default)]
    fn swiglu_backward(
        dy: FloatTensor<Self>,
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        if Self::IS_REMOTE {
            return Self::swiglu_backward_whole(dy, gate, up);
        }
        gate::backward::<Self>(dy, gate, up)
    }
    /// [`Steps::swiglu_backward`] as one operation.
    #[fusion(meta = |_dy, gate, up| (gate.clone(), up.clone()))]
    fn swiglu_backward_whole(
        dy: FloatTensor<Self>,
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        gate::backward::<Self>(dy, gate, up)
    }
    /// Softmax attention.
    #[fusion(meta = |inputs| AttendedMetadata { out: inputs.q.clone(), kept: KeptMetadata::Nothing })]
    fn attend(#[extension_type] inputs: AttentionInputs<Self>) -> Attended<Self> {
        attention::forward::<Self>(inputs)
    }
    /// The gradients of `q`, `k` and `v`.
    #[fusion(meta = |_dy, inputs, _kept| (inputs.q.clone(), inputs.k.clone(), inputs.v.clone()))]
    fn attend_backward(
        dy: FloatTensor<Self>,
        #[extension_type] inputs: AttentionInputs<Self>,
        #[extension_type] kept: Kept<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        drop(kept);
        attention::backward::<Self>(dy, inputs)
    }
    /// A product with a weight that is frozen.
    #[fusion(default)]
    fn frozen_linear(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        if Self::IS_REMOTE {
            return Self::frozen_linear_whole(x, weight);
        }
        Self::linear(x, weight, None)
    }
    /// [`Steps::frozen_linear`] as one operation.
    #[fusion(meta = |x, weight| product::spec(x, weight.shape[1]))]
    fn frozen_linear_whole(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear(x, weight, None)
    }
    /// The gradient of `x`.
    #[fusion(default)]
    fn frozen_linear_backward(
        dy: FloatTensor<Self>,
        weight: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if Self::IS_REMOTE {
            return Self::frozen_linear_backward_whole(dy, weight);
        }
        Self::linear_x_backward(weight, dy)
    }
    /// [`Steps::frozen_linear_backward`] as one operation.
    #[fusion(meta = |dy, weight| product::spec(dy, weight.shape[0]))]
    fn frozen_linear_backward_whole(
        dy: FloatTensor<Self>,
        weight: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::linear_x_backward(weight, dy)
    }
    /// Zeros with the gradient of [`Steps::frozen_linear`].
    #[fusion(default)]
    fn frozen_linear_gradient(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [_, outputs] = dims(&weight);
        product::zeros::<Self>(&x, outputs)
    }
    /// `x a b`, in the type of the factors, of what dropout leaves of `x`.
    #[fusion(default)]
    fn low_rank(
        x: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self> {
        let [rows, tokens, _] = dims(&x);
        let u = low_rank::down::<Self>(x, a, dropout.as_ref());
        low_rank::up::<Self>(u, b, [rows, tokens])
    }
    /// A product with a weight that is quantised.
    #[fusion(default)]
    fn quantized_linear(x: FloatTensor<Self>, weight: QuantizedTensor<Self>) -> FloatTensor<Self> {
        product::quantized::<Self>(x, weight)
    }
    /// Zeros with the gradient of [`Steps::quantized_linear`].
    #[fusion(default)]
    fn quantized_linear_gradient(
        x: FloatTensor<Self>,
        weight: QuantizedTensor<Self>,
    ) -> FloatTensor<Self> {
        let [_, outputs] = dims(&weight);
        product::zeros::<Self>(&x, outputs)
    }
    /// The gradient of `x`.
    #[fusion(default)]
    fn quantized_linear_backward(
        dy: FloatTensor<Self>,
        weight: QuantizedTensor<Self>,
    ) -> FloatTensor<Self> {
        product::quantized_backward::<Self>(dy, weight)
    }
}
