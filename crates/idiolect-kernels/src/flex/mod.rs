//! The fused steps of Burn's CPU backend, Flex, as an extension of it.
//!
//! Everything here is f32; other types take the plain composition.

// Vector code must be inlined into the function that was compiled for the vector's instructions.
#![allow(clippy::inline_always)]

mod attention;
mod attention_back;
mod buffer;
mod few;
mod gate;
mod head;
mod norm;
mod product;
mod rotary;
mod simd;
mod tape;
mod tile;

use burn::backend::tensor::{FloatTensor, QuantizedTensor};
use burn::backend::{Backend, Dispatch, DispatchDevice, ExtensionType, Flex, backend_extension};
use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::{RowLoss, plain};
pub(crate) use few::MOST_ROWS;
use rotary::Turn;
use tile::Inputs;

/// What is added to the scores of attention.
#[derive(ExtensionType)]
pub(crate) enum Mask<B: Backend> {
    /// A tensor, `[rows or 1, 1, tokens, keys]`.
    Added(FloatTensor<B>),
    /// Nothing.
    None,
}

impl<B: Backend> Mask<B> {
    /// The tensor, as a function of it.
    fn map<T>(self, f: impl FnOnce(FloatTensor<B>) -> T) -> Option<T> {
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
    fn packed_linear(x: FloatTensor<Self>, weight: QuantizedTensor<Self>) -> FloatTensor<Self>;
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
        rotary::turn(
            x,
            &cos,
            &sin,
            Turn {
                sign: 1.0,
                by_token,
            },
        )
    }

    fn swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        gate::forward_over(gate, &up)
    }

    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        mask: Mask<Self>,
    ) -> FloatTensor<Self> {
        attention::forward(&Inputs::new([q, k, v], mask.map(|mask| mask))).0
    }

    fn packed_linear(x: FloatTensor<Self>, weight: QuantizedTensor<Self>) -> FloatTensor<Self> {
        product::packed_forward(x, &weight)
    }
}

/// Whether a fused step serves a tensor: f32 on the CPU backend.
pub(crate) fn serves<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == DType::F32 && matches!(x.device().inner().as_dispatch(), DispatchDevice::Flex(_))
}

pub(crate) fn rms_norm(x: Tensor<3>, scale: Tensor<1>, eps: f64) -> Tensor<3> {
    assert_eq!(
        x.dims()[2],
        scale.dims()[0],
        "one scale for each hidden value"
    );
    // A constant of a model's configuration: f32 holds it as well as f64.
    #[allow(clippy::cast_possible_truncation)]
    let eps = eps as f32;
    let (x, scale) = (x.into_dispatch(), scale.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::rms_norm(x, scale, eps))
}

pub(crate) fn rotate(x: Tensor<4>, cos: Tensor<4>, sin: Tensor<4>) -> Tensor<4> {
    let [rows, _, tokens, width] = x.dims();
    for [turns, one, positions, half] in [cos.dims(), sin.dims()] {
        assert!(
            turns == 1 || turns == rows,
            "angles of {turns} rows for {rows}"
        );
        assert_eq!(
            [one, positions, 2 * half],
            [1, tokens, width],
            "angles of another shape"
        );
    }
    let (x, cos, sin) = (x.into_dispatch(), cos.into_dispatch(), sin.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::rotate(x, cos, sin))
}

pub(crate) fn swiglu(gate: Tensor<3>, up: Tensor<3>) -> Tensor<3> {
    assert_eq!(gate.dims(), up.dims(), "gate and up of one shape");
    let (gate, up) = (gate.into_dispatch(), up.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::swiglu(gate, up))
}

pub(crate) fn attention(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    mask: Option<Tensor<4>>,
) -> Tensor<4> {
    let [rows, heads, tokens, width] = q.dims();
    let [_, kv_heads, keys, _] = k.dims();
    assert_eq!(
        heads % kv_heads,
        0,
        "{kv_heads} key heads cannot share {heads} query heads"
    );
    assert_eq!(
        [k.dims(), v.dims()],
        [[rows, kv_heads, keys, width]; 2],
        "keys of another shape"
    );
    if let Some(mask) = &mask {
        let [shown, one, queries, seen] = mask.dims();
        assert!(
            shown == 1 || shown == rows,
            "a mask of {shown} rows for {rows}"
        );
        assert_eq!(
            [one, queries, seen],
            [1, tokens, keys],
            "a mask of another shape"
        );
    }
    let (q, k, v) = (q.into_dispatch(), k.into_dispatch(), v.into_dispatch());
    let mask = mask.map_or(Mask::None, |mask| Mask::Added(mask.into_dispatch()));
    Tensor::from_dispatch(<Dispatch as Steps>::attention(q, k, v, mask))
}

pub(crate) fn packed_linear(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    assert_eq!(
        x.dims()[2],
        weight.dims()[0],
        "one row of the weight for each input"
    );
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::packed_linear(x, weight))
}

/// The product where it is one of few rows that no tape watches.
pub(crate) fn product(x: &Tensor<2>, weight: &Tensor<2>) -> Option<Tensor<2>> {
    let ([rows, inputs], [expected, _]) = (x.dims(), weight.dims());
    assert_eq!(inputs, expected, "one row of the weight for each input");
    if rows > MOST_ROWS || !serves(x) || !serves(weight) {
        return None;
    }
    let x = x.clone().try_into_primitive::<Flex>().ok()?;
    let weight = weight.clone().try_into_primitive::<Flex>().ok()?;
    few::product(&x, &weight).map(Tensor::from_primitive::<Flex>)
}

pub(crate) fn row_loss(logits: Tensor<2>, targets: &[i64], scale: f64) -> RowLoss {
    #[allow(clippy::cast_possible_truncation)] // the slope is f32
    let small = scale as f32;
    match logits
        .clone()
        .without_autodiff()
        .try_into_primitive::<Flex>()
    {
        Ok(own) => {
            drop(logits);
            let (nll, slope) = head::slopes(own, targets, small);
            RowLoss {
                nll: vector(nll),
                slope: Tensor::from_primitive::<Flex>(slope),
            }
        }
        Err(_) => plain::row_loss(logits, targets, scale),
    }
}

pub(crate) fn row_nll(logits: Tensor<2>, targets: &[i64]) -> Tensor<1> {
    match logits
        .clone()
        .without_autodiff()
        .try_into_primitive::<Flex>()
    {
        Ok(own) => vector(head::losses(own, targets)),
        Err(_) => plain::row_nll(logits, targets),
    }
}

fn vector(values: Vec<f32>) -> Tensor<1> {
    let count = values.len();
    let place = (&Device::flex(), DType::F32);
    Tensor::from_data(TensorData::new(values, [count]), place)
}
