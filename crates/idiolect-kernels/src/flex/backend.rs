//! The fused steps as an extension of Burn's backends.

use burn::backend::tensor::{FloatTensor, QuantizedTensor};
use burn::backend::{Backend, ExtensionType, Flex, backend_extension};

use super::attention::{self, Inputs};
use super::rotary::Rotation;
use super::{buffer, gate, linear, norm, quantized, rotary};

/// What is added to the scores of attention.
#[derive(ExtensionType)]
pub(crate) enum Mask<B: Backend> {
    /// A tensor, `[rows or 1, 1, tokens, keys]`.
    Added(FloatTensor<B>),
    /// Nothing.
    None,
}

impl<B: Backend> Mask<B> {
    /// The result of `f` for the tensor.
    pub(super) fn map<T>(self, f: impl FnOnce(FloatTensor<B>) -> T) -> Option<T> {
        match self {
            Self::Added(mask) => Some(f(mask)),
            Self::None => None,
        }
    }
}

/// The steps on a backend's own tensors.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait Steps: Backend {
    fn rms_norm(x: FloatTensor<Self>, scale: FloatTensor<Self>, eps: f32) -> FloatTensor<Self>;
    fn rotate(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    fn swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self>;
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        #[extension_type] mask: Mask<Self>,
    ) -> FloatTensor<Self>;
    /// A product with a weight that is frozen.
    fn linear(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
    fn quantized_linear(x: FloatTensor<Self>, weight: QuantizedTensor<Self>) -> FloatTensor<Self>;
}

impl Steps for Flex {
    fn rms_norm(x: FloatTensor<Self>, scale: FloatTensor<Self>, eps: f32) -> FloatTensor<Self> {
        norm::forward(&x, &scale, eps)
    }

    fn rotate(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let by_token = buffer::is_swapped(&x);
        rotary::rotate(
            x,
            &cos,
            &sin,
            Rotation {
                sign: 1.0,
                by_token,
            },
        )
    }

    fn swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        gate::forward_in_place(gate, &up)
    }

    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        mask: Mask<Self>,
    ) -> FloatTensor<Self> {
        attention::forward(&Inputs::new([q, k, v], mask.map(|mask| mask))).out
    }

    fn linear(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        linear::forward(x, weight)
    }

    fn quantized_linear(x: FloatTensor<Self>, weight: QuantizedTensor<Self>) -> FloatTensor<Self> {
        quantized::forward(x, &weight)
    }
}
