//! The steps as an extension of Burn's backends: each with the gradient of its own, which autodiff calls.
//!
//! A step's body here is composed of the backend's operations; a backend with kernels puts them in its place.

// Burn's macro names what it is given.
#![allow(clippy::ref_option)]

use burn::backend::tensor::{FloatTensor, IntTensor, QuantizedTensor};
use burn::backend::{Backend, ExtensionType, backend_extension};

use super::composed::{attention, dims, gate, low_rank, norm, product, rotary, softmax};

/// What attention is computed from.
#[derive(Debug, Clone, ExtensionType)]
#[extension_type(fusion: cfg(feature = "cube"))]
pub(crate) struct AttentionInputs<B: Backend> {
    /// `[rows, heads, tokens, head_dim]`.
    pub(crate) q: FloatTensor<B>,
    /// `[rows, kv_heads, keys, head_dim]`.
    pub(crate) k: FloatTensor<B>,
    /// As `k`.
    pub(crate) v: FloatTensor<B>,
    /// The first key and the one behind the last that a query sees, `[rows or 1, tokens, 2]`.
    pub(crate) visible: IntTensor<B>,
}

/// What attention hands to its backward pass beside its inputs.
#[derive(Debug, Clone, ExtensionType)]
#[extension_type(fusion: cfg(feature = "cube"))]
pub(crate) enum Kept<B: Backend> {
    /// Nothing: scores and their softmax are computed again.
    Nothing,
    /// Maximum and inverse sum of each row of scores, `[rows, tokens, heads, 2]`.
    Sums(FloatTensor<B>),
}

/// The result of attention.
#[derive(Debug, Clone, ExtensionType)]
#[extension_type(fusion: cfg(feature = "cube"))]
pub(crate) struct Attended<B: Backend> {
    /// `[rows, heads, tokens, head_dim]`.
    pub(crate) out: FloatTensor<B>,
    /// What the backward pass needs.
    #[extension_type]
    pub(crate) kept: Kept<B>,
}

/// The steps on a backend's own tensors.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cube"),
    Fusion: cfg(feature = "cube"),
    Autodiff
)]
pub(crate) trait Steps: Backend {
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
    /// By the angles, or by their opposite where `back`.
    #[fusion(dtype = x, shape = x)]
    fn rotate(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        back: bool,
    ) -> FloatTensor<Self> {
        rotary::rotate::<Self>(x, cos, sin, back)
    }
    #[fusion(default)]
    fn swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        gate::forward::<Self>(gate, up)
    }
    /// The gradients of `gate` and `up`.
    #[fusion(default)]
    fn swiglu_backward(
        dy: FloatTensor<Self>,
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        gate::backward::<Self>(dy, gate, up)
    }
    /// `softmax(scale scores)` over the keys that a query sees; the others get 0.
    ///
    /// `scores` are `[rows, heads, queries, keys]`, `visible` is `[rows or 1, queries, 2]`.
    #[fusion(dtype = scores, shape = scores)]
    fn softmax_rows(
        scores: FloatTensor<Self>,
        visible: IntTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self> {
        softmax::forward::<Self>(scores, visible, scale)
    }
    /// The gradient of the scores, from the softmax `p` and its gradient `dp`.
    #[fusion(dtype = p, shape = p)]
    fn softmax_rows_backward(
        p: FloatTensor<Self>,
        dp: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self> {
        softmax::backward::<Self>(p, dp, scale)
    }
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
        Self::linear(x, weight, None)
    }
    /// The gradient of `x`.
    #[fusion(default)]
    fn frozen_linear_backward(
        dy: FloatTensor<Self>,
        weight: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::linear_x_backward(weight, dy)
    }
    /// `x a b`, in the type of the factors.
    #[fusion(default)]
    fn low_rank(
        x: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [rows, tokens, _] = dims(&x);
        low_rank::up::<Self>(low_rank::down::<Self>(x, a), b, [rows, tokens])
    }
    /// A product with a weight that is quantised.
    #[fusion(default)]
    fn quantized_linear(x: FloatTensor<Self>, weight: QuantizedTensor<Self>) -> FloatTensor<Self> {
        product::quantized::<Self>(x, weight)
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
