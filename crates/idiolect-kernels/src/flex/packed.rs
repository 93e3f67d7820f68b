//! Products with a frozen weight that is kept in few bits: it is widened for one product and let go.
//!
//! Burn's tape would keep the wide weight until the way back; here it keeps the packed one and widens it
//! again. Flex holds a byte for each value, whatever the number of its bits, and an f32 for each block.

use burn::backend::Flex;
use burn::backend::ops::{FloatTensorOps, QTensorOps};
use burn::tensor::{FloatDType, Shape};
use burn_flex::{FlexQTensor, FlexTensor};
use rayon::prelude::*;

use super::buffer::{dims, tensor};

/// `x W`, `[rows, tokens, out]`.
pub(super) fn forward(x: FlexTensor, weight: &FlexQTensor) -> FlexTensor {
    product(x, widened(weight))
}

/// The gradient of `x`: that of the product times the transposed weight.
pub(super) fn backward(dy: FlexTensor, weight: &FlexQTensor) -> FlexTensor {
    product(dy, Flex::float_transpose(widened(weight)))
}

/// A product of all tokens at once, `[rows, tokens, in]` times `[in, out]`.
fn product(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
    let ([rows, tokens, inputs], [_, outputs]) = (dims(&x), dims(&weight));
    let flat = Flex::float_reshape(x, Shape::new([rows * tokens, inputs]));
    let y = Flex::float_matmul(flat, weight);
    Flex::float_reshape(y, Shape::new([rows, tokens, outputs]))
}

/// The weight in f32, row-major.
fn widened(weight: &FlexQTensor) -> FlexTensor {
    let (values, scales) = (weight.tensor(), weight.scales());
    let shape: [usize; 2] = dims(values);
    let count = shape[0] * shape[1];
    let block = count / scales.len().max(1);
    // A block along a row lies in one piece of memory; other blocks are Burn's to widen.
    if !is_by_rows(weight, block, shape[1]) {
        return Flex::dequantize(weight.clone(), FloatDType::F32);
    }
    let mut wide = vec![0.0; count];
    let few = values.storage::<i8>();
    let rows = wide.par_chunks_mut(shape[1]).zip(few.par_chunks(shape[1]));
    let rows = rows.zip(scales.par_chunks(shape[1] / block));
    rows.for_each(|((wide, few), scales)| {
        let blocks = wide.chunks_mut(block).zip(few.chunks(block));
        for ((wide, few), scale) in blocks.zip(scales) {
            for (wide, few) in wide.iter_mut().zip(few) {
                *wide = f32::from(*few) * scale;
            }
        }
    });
    tensor(wide, shape)
}

/// Whether the weight lies row after row in blocks of `block` neighbours, each with one scale.
fn is_by_rows(weight: &FlexQTensor, block: usize, columns: usize) -> bool {
    use burn::backend::TensorMetadata;
    let burn::tensor::DType::QFloat(scheme) = weight.dtype() else {
        return false;
    };
    let along = scheme.block_size().is_some_and(|size| {
        let (along, across) = size
            .as_slice()
            .split_last()
            .map_or((0, &[][..]), |(a, b)| (*a, b));
        usize::from(along) == block && across.iter().all(|size| *size == 1)
    });
    let values = weight.tensor();
    let whole = values.storage::<i8>().len() == values.layout().num_elements();
    along
        && scheme.tensor_scale().is_none()
        && whole
        && values.layout().is_contiguous()
        && columns.is_multiple_of(block)
}
