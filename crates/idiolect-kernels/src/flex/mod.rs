//! The fused steps of Burn's CPU backend, Flex: shapes are checked, and the steps are called by Burn's dispatch.
//!
//! Everything here is f32; other types take the plain composition.

// Vector code must be inlined into the function that was compiled for the vector's instructions.
#![allow(clippy::inline_always)]

mod attention;
mod autodiff;
mod backend;
mod buffer;
mod eight_bit_copy;
mod four_bits;
mod gate;
mod head_loss;
mod linear;
mod norm;
mod product_few_rows;
mod quantize;
mod quantized;
mod rotary;
mod simd;

pub(crate) use eight_bit_copy::EightBitCopy;
pub(crate) use product_few_rows::MOST_ROWS;
pub(crate) use quantize::quantize;

use burn::backend::ops::FloatTensorOps;
use burn::backend::{
    BackendTensor, Dispatch, DispatchDevice, DispatchTensor, DispatchTensorKind, Flex,
};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use burn_flex::{FlexQTensor, FlexTensor};

use self::backend::{Mask, Steps};
use self::head_loss::RowGradients;
use crate::{RowLoss, plain};

/// Whether a tensor can go through the fused steps: f32 on the CPU backend.
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
    for [angles, one, positions, half] in [cos.dims(), sin.dims()] {
        assert!(
            angles == 1 || angles == rows,
            "angles of {angles} rows for {rows}"
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
        let [masks, one, queries, visible] = mask.dims();
        assert!(
            masks == 1 || masks == rows,
            "a mask of {masks} rows for {rows}"
        );
        assert_eq!(
            [one, queries, visible],
            [1, tokens, keys],
            "a mask of another shape"
        );
    }
    let (q, k, v) = (q.into_dispatch(), k.into_dispatch(), v.into_dispatch());
    let mask = mask.map_or(Mask::None, |mask| Mask::Added(mask.into_dispatch()));
    Tensor::from_dispatch(<Dispatch as Steps>::attention(q, k, v, mask))
}

/// The product with a weight that is not tracked by autodiff; a tracked one comes back.
#[allow(
    clippy::result_large_err,
    reason = "what is not taken is handed back as it came"
)]
pub(crate) fn linear(x: &Tensor<3>, weight: Tensor<2>) -> Result<Tensor<3>, Tensor<2>> {
    let frozen = serves(x) && serves(&weight);
    if !frozen || weight.clone().try_into_primitive::<Flex>().is_err() {
        return Err(weight);
    }
    assert_eq!(
        x.dims()[2],
        weight.dims()[0],
        "one row of the weight for each input"
    );
    let (x, weight) = (x.clone().into_dispatch(), weight.into_dispatch());
    Ok(Tensor::from_dispatch(<Dispatch as Steps>::linear(
        x, weight,
    )))
}

pub(crate) fn quantized_linear(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    assert_eq!(
        x.dims()[2],
        weight.dims()[0],
        "one row of the weight for each input"
    );
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::quantized_linear(x, weight))
}

/// The product where it has few rows, is in f32 or bf16 and is not tracked by autodiff: sums are in f32. Elsewhere the weight comes back.
#[allow(
    clippy::result_large_err,
    reason = "what is not taken is handed back as it came"
)]
pub(crate) fn product(x: &Tensor<2>, weight: Tensor<2>) -> Result<Tensor<2>, Tensor<2>> {
    let ([rows, inputs], [expected, _]) = (x.dims(), weight.dims());
    assert_eq!(inputs, expected, "one row of the weight for each input");
    let few = rows <= MOST_ROWS;
    let Some(narrow) = few.then(|| untracked(x)).flatten() else {
        return Err(weight);
    };
    let dtype = x.dtype();
    let x = in_type(narrow, DType::F32);
    let y = if matches!(weight.dtype(), DType::QFloat(_)) {
        quantized::few_rows(x, &quantized(weight)?)
    } else {
        let own = untracked(&weight);
        let y = own.and_then(|own| product_few_rows::product(&x, &own));
        y.ok_or(weight)?
    };
    Ok(Tensor::from_primitive::<Flex>(in_type(y, dtype)))
}

/// A tensor of the CPU backend in f32 or bf16 that autodiff does not track.
fn untracked<const D: usize>(x: &Tensor<D>) -> Option<FlexTensor> {
    let narrow = serves(x) || x.dtype() == DType::BF16;
    let own = narrow.then(|| x.clone().try_into_primitive::<Flex>().ok());
    own.flatten()
}

/// The tensor in f32 or bf16.
fn in_type(x: FlexTensor, dtype: DType) -> FlexTensor {
    match dtype {
        _ if x.dtype() == dtype => x,
        DType::BF16 => Flex::float_cast(x, FloatDType::BF16),
        _ => Flex::float_cast(x, FloatDType::F32),
    }
}

/// The quantised tensor of the CPU backend; another comes back.
#[allow(
    clippy::result_large_err,
    reason = "what is not taken is handed back as it came"
)]
fn quantized<const D: usize>(weight: Tensor<D>) -> Result<FlexQTensor, Tensor<D>> {
    match weight.into_dispatch() {
        DispatchTensor {
            kind: DispatchTensorKind::Flex(BackendTensor::Quantized(weight)),
            ..
        } => Ok(weight),
        other => Err(Tensor::from_dispatch(other)),
    }
}

/// In f32 what is stored in halves of bytes; `None` for another tensor.
pub(crate) fn from_four_bits<const D: usize>(weight: &Tensor<D>) -> Option<Tensor<D>> {
    let weight = quantized(weight.clone()).ok()?;
    quantized::from_four_bits(&weight).map(Tensor::from_primitive::<Flex>)
}

pub(crate) fn row_loss(logits: Tensor<2>, targets: &[i64], scale: f64) -> RowLoss {
    #[allow(clippy::cast_possible_truncation)] // the gradient is f32
    let small = scale as f32;
    match logits
        .clone()
        .without_autodiff()
        .try_into_primitive::<Flex>()
    {
        Ok(own) => {
            drop(logits);
            let RowGradients { nll, gradient } = head_loss::gradients(own, targets, small);
            RowLoss {
                nll: vector(nll),
                gradient: Tensor::from_primitive::<Flex>(gradient),
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
        Ok(own) => vector(head_loss::losses(own, targets)),
        Err(_) => plain::row_nll(logits, targets),
    }
}

fn vector(values: Vec<f32>) -> Tensor<1> {
    let count = values.len();
    let place = (&Device::flex(), DType::F32);
    Tensor::from_data(TensorData::new(values, [count]), place)
}
