//! Weights whatever they are stored in: floats, what [`quantize`] makes, or the blocks of a GGUF file.
//!
//! Burn's own operations panic on the CPU for weights in blocks, for want of scales, rather than giving other numbers.

use burn::tensor::quantization::QuantScheme;
use burn::tensor::{DType, Int, Tensor};

#[cfg(feature = "flex")]
use crate::flex;

/// A weight quantised by Burn's scheme: on the CPU on all threads where blocks lie along rows, and where they are 32 long
/// with their scales beside them, two values a byte with 4 bits. [`dequantize`] reads it.
///
/// # Shapes
///
/// - `weight`: `[inputs, outputs]`, and so is the result
///
/// # Panics
///
/// If a row is not a whole number of blocks.
#[must_use]
pub fn quantize(weight: Tensor<2>, scheme: &QuantScheme) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if let Some(quantized) = flex::quantize(&weight, scheme) {
        return quantized;
    }
    weight.quantize_dynamic(scheme)
}

/// A tensor in floats: a quantised one in f32, another as it is.
///
/// It is to be called in place of Burn's `dequantize`, which panics on the CPU for what [`quantize`] has stored in blocks
/// of 32, and for those of a GGUF file.
#[must_use]
pub fn dequantize<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if !matches!(tensor.dtype(), DType::QFloat(_)) {
        return tensor;
    }
    #[cfg(feature = "flex")]
    if let Some(wide) = flex::from_packed(&tensor) {
        return wide;
    }
    tensor.dequantize()
}

/// The transposed weight in the same memory. It is to be called in place of Burn's `transpose`, as [`dequantize`] is.
///
/// # Shapes
///
/// - `weight`: `[inputs, outputs]`
/// - result: `[outputs, inputs]`
#[must_use]
pub fn transpose(weight: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    let weight = match flex::transpose(weight) {
        Ok(turned) => return turned,
        Err(weight) => weight,
    };
    weight.transpose()
}

/// The vectors of token ids; of a weight in blocks in f32, and no others are widened.
///
/// # Shapes
///
/// - `weight`: `[vocab, hidden]`
/// - `ids`: `[rows, tokens]`, each below `vocab`
/// - result: `[rows, tokens, hidden]`
///
/// # Panics
///
/// If an id is not below `vocab`.
#[must_use]
pub fn embedding(weight: Tensor<2>, ids: Tensor<2, Int>) -> Tensor<3> {
    #[cfg(feature = "flex")]
    if let Some(vectors) = flex::embedding(&weight, &ids) {
        return vectors;
    }
    burn::tensor::module::embedding(weight, ids)
}
