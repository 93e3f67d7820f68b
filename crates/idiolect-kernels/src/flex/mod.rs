//! The fused steps of Burn's CPU backend, Flex.
//!
//! Everything is computed in f32, and what a step makes of tensors in bf16 is rounded once, a norm before it is scaled too;
//! where the processor multiplies bf16, products of bf16 are added up in f32. Other types take the composition.

// Vector code must be inlined into the function that was compiled for the vector's instructions.
#![allow(clippy::inline_always)]

mod attention;
mod backend;
mod blocks;
mod buffer;
mod dropout;
mod eight_bit_copy;
mod gate;
mod generation;
mod head_loss;
mod linear;
mod norm;
mod product_few_rows;
mod product_many_rows;
mod quantize;
mod quantized;
mod rotary;
mod simd;

pub(crate) use buffer::own::{is_own, serves, serves_half};
pub(crate) use eight_bit_copy::EightBitCopy;
pub(crate) use generation::{attend_cached, products};
pub(crate) use product_few_rows::MOST_ROWS;
pub(crate) use quantize::quantize;

use burn::backend::Flex;
use burn::tensor::{DType, Int, Tensor};
use burn_flex::FlexTensor;

use self::blocks::{BlockKind, Lines, Packed};
use self::buffer::own::{quantized, tensor_of, untracked};
use self::buffer::{dims, in_type};
use self::head_loss::{RowGradients, index};
use self::product_few_rows::Along;
use crate::{BlockType, RowLoss, plain};

/// Whether a weight is frozen, so that a product with it has a backward of its own: both are in f32 or bf16 on the CPU
/// backend, and autodiff does not track the weight.
pub(crate) fn is_frozen(x: &Tensor<3>, weight: &Tensor<2>) -> bool {
    serves_half(x) && untracked(weight).is_some()
}

/// The product where both sides are in f32 or bf16, or the weight is quantised, and autodiff tracks neither: sums are
/// in f32. Elsewhere the weight comes back.
#[allow(
    clippy::result_large_err,
    reason = "what is not taken is handed back as it came"
)]
pub(crate) fn product(x: &Tensor<2>, weight: Tensor<2>) -> Result<Tensor<2>, Tensor<2>> {
    let ([_, inputs], [expected, _]) = (x.dims(), weight.dims());
    assert_eq!(inputs, expected, "one row of the weight for each input");
    let Some(x) = untracked(x) else {
        return Err(weight);
    };
    let y = if matches!(weight.dtype(), DType::QFloat(_)) {
        quantized::product(&x, &quantized(weight.clone())?)
    } else {
        untracked(&weight).and_then(|own| linear::product(&x, &own))
    };
    y.map(Tensor::from_primitive::<Flex>).ok_or(weight)
}

/// The tensor in f32 or bf16, where it is in one of them on the CPU backend and autodiff does not track it.
pub(crate) fn cast<const D: usize>(x: &Tensor<D>, dtype: DType) -> Option<Tensor<D>> {
    let is_own = matches!(dtype, DType::F32 | DType::BF16);
    let x = if is_own { untracked(x) } else { None };
    x.map(|x| Tensor::from_primitive::<Flex>(in_type(x, dtype)))
}

/// As `from_blocks` of this crate.
pub(crate) fn from_blocks(bytes: Vec<u8>, of: BlockType, shape: [usize; 2]) -> Tensor<2> {
    tensor_of(blocks::of_file(bytes, of, shape))
}

/// As `block_type` of this crate.
pub(crate) fn block_type<const D: usize>(weight: &Tensor<D>) -> Option<BlockType> {
    let weight = quantized(weight.clone()).ok()?;
    match Packed::of(&weight)?.kind {
        BlockKind::File(of) => Some(of),
        _ => None,
    }
}

/// In f32 what is stored in blocks; `None` for another tensor.
pub(crate) fn from_packed<const D: usize>(weight: &Tensor<D>) -> Option<Tensor<D>> {
    let weight = quantized(weight.clone()).ok()?;
    quantized::from_blocks(&weight).map(Tensor::from_primitive::<Flex>)
}

/// The transposed weight where it is stored in blocks; another comes back.
#[allow(
    clippy::result_large_err,
    reason = "what is not taken is handed back as it came"
)]
pub(crate) fn transpose(weight: Tensor<2>) -> Result<Tensor<2>, Tensor<2>> {
    let weight = quantized(weight)?;
    let turned = blocks::transposed(&weight).map(tensor_of);
    turned.ok_or_else(|| tensor_of(weight))
}

/// The vectors of ids where the weight is stored in blocks along them; `None` for another.
pub(crate) fn embedding(weight: &Tensor<2>, ids: &Tensor<2, Int>) -> Option<Tensor<3>> {
    let weight = quantized(weight.clone()).ok()?;
    let packed = Packed::of(&weight)?;
    let [count, width] = dims(weight.tensor());
    let [rows, tokens] = ids.dims();
    let at: Vec<usize> = ids.to_data().iter::<i64>().map(index).collect();
    assert!(
        at.iter().all(|at| *at < count),
        "an id that is not below {count}"
    );
    let vectors = match packed.along {
        Along::Outputs => packed.read(Lines { at: &at, width }),
        Along::Inputs => return None,
    };
    Some(Tensor::from_primitive::<Flex>(buffer::tensor(
        vectors,
        [rows, tokens, width],
    )))
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
            let [nll, gradient] = row_loss_of(own, targets, small);
            RowLoss {
                nll: Tensor::from_primitive::<Flex>(nll),
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
        Ok(own) => Tensor::from_primitive::<Flex>(row_nll_of(own, targets)),
        Err(_) => plain::row_nll(logits, targets),
    }
}

/// The losses of the rows and the gradient of their logits, on the backend's own tensors.
pub(crate) fn row_loss_of(logits: FlexTensor, targets: &[i64], scale: f32) -> [FlexTensor; 2] {
    let RowGradients { nll, gradient } =
        head_loss::gradients(in_type(logits, DType::F32), targets, scale);
    [vector(nll), gradient]
}

/// The losses of the rows, on the backend's own tensors.
pub(crate) fn row_nll_of(logits: FlexTensor, targets: &[i64]) -> FlexTensor {
    vector(head_loss::losses(in_type(logits, DType::F32), targets))
}

fn vector(values: Vec<f32>) -> FlexTensor {
    let count = values.len();
    buffer::tensor(values, [count])
}
