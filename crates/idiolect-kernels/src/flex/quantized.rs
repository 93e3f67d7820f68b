//! Products with a frozen weight that is quantised, which read it as it is stored.
//!
//! Burn's autodiff would keep the f32 weight until the backward pass; here it keeps the quantised one, in blocks of our own
//! or as Flex stores it: a byte for each value, whatever the number of its bits, and scales apart.

use burn::backend::ops::QTensorOps;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, FloatDType};
use burn_flex::{FlexQTensor, FlexTensor};
use rayon::prelude::*;

use super::blocks::{Packed, Read};
use super::buffer::{dims, tensor, values};
use super::linear::{Product, Rows};
use super::product_few_rows::{Along, EightBits, Form};

/// `x W`, `[rows, out]`, as in generation; `None` where the rows are neither in f32 nor in bf16.
pub(super) fn product(x: &FlexTensor, weight: &FlexQTensor) -> Option<FlexTensor> {
    times::<2>(x, weight, form(weight), Rows::Either)
}

/// `x W`, `[rows, tokens, out]`.
pub(super) fn forward(x: &FlexTensor, weight: &FlexQTensor) -> Option<FlexTensor> {
    times::<3>(x, weight, form(weight), Rows::Many)
}

/// The gradient of `x`: that of the product times the transposed weight.
pub(super) fn backward(dy: &FlexTensor, weight: &FlexQTensor) -> Option<FlexTensor> {
    times::<3>(dy, weight, form(weight).transposed(), Rows::Many)
}

/// The form of a weight.
pub(super) fn form(weight: &FlexQTensor) -> Form {
    let [inputs, outputs] = dims(weight.tensor());
    let along = Packed::of(weight).map_or(Along::Outputs, |packed| packed.along);
    Form {
        inputs,
        outputs,
        along,
    }
}

/// The product with the weight as it is stored.
fn times<const D: usize>(
    x: &FlexTensor,
    weight: &FlexQTensor,
    form: Form,
    rows: Rows,
) -> Option<FlexTensor> {
    read(weight, Product::<D> { x, form, rows })
}

/// Does something with a weight as it is stored, or dequantised where its blocks do not lie along its rows.
pub(super) fn read<R: Read>(weight: &FlexQTensor, reader: R) -> R::Output {
    if let Some(packed) = Packed::of(weight) {
        return packed.read(reader);
    }
    match eight_bits(weight) {
        Some(weight) => reader.read(weight),
        None => reader.read(values(&dequantized(weight))),
    }
}

/// The weight in f32, row-major.
pub(super) fn dequantized(weight: &FlexQTensor) -> FlexTensor {
    if let Some(wide) = from_blocks(weight) {
        return wide;
    }
    let (values, scales) = (weight.tensor(), weight.scales());
    let shape: [usize; 2] = dims(values);
    let count = shape[0] * shape[1];
    let block = count / scales.len().max(1);
    // A block along a row is one piece of memory; other blocks are left to Burn.
    if !is_by_rows(weight, block, shape[1]) {
        return Flex::dequantize(weight.clone(), FloatDType::F32);
    }
    let mut wide = vec![0.0; count];
    let small = values.storage::<i8>();
    let rows = wide
        .par_chunks_mut(shape[1])
        .zip(small.par_chunks(shape[1]));
    let rows = rows.zip(scales.par_chunks(shape[1] / block));
    rows.for_each(|((wide, small), scales)| {
        let blocks = wide.chunks_mut(block).zip(small.chunks(block));
        for ((wide, small), scale) in blocks.zip(scales) {
            for (wide, small) in wide.iter_mut().zip(small) {
                *wide = f32::from(*small) * scale;
            }
        }
    });
    tensor(wide, shape)
}

/// The weight in f32 where it is stored in blocks that Burn does not read.
pub(super) fn from_blocks(weight: &FlexQTensor) -> Option<FlexTensor> {
    Packed::of(weight).map(|packed| packed.wide(weight))
}

/// The weight as it is stored; `None` where its blocks are shorter than two pieces or do not lie along its rows.
fn eight_bits(weight: &FlexQTensor) -> Option<EightBits<'_>> {
    let values = weight.tensor();
    let [rows, columns] = dims(values);
    let block = rows * columns / weight.scales().len().max(1);
    let by_rows = is_by_rows(weight, block, columns);
    let found = by_rows.then(|| EightBits::new(values.storage(), weight.scales()))?;
    found.filter(|found| found.fits(columns))
}

/// Whether the weight is stored row after row in blocks of `block` neighbouring values, each with one scale.
fn is_by_rows(weight: &FlexQTensor, block: usize, columns: usize) -> bool {
    let DType::QFloat(scheme) = weight.dtype() else {
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
