//! Products of all tokens of a batch with a frozen weight.
//!
//! The gradient of the input is a product with the transposed weight. Burn's product gathers a weight that is read
//! across its rows on one thread while the others wait; here it is transposed on all threads first, for this one
//! product, and then read along its rows as in the forward pass; and all rows of the batch are one product, in which
//! the weight is packed once, where Burn packs it for each row. The sums are the same, in the same order.

use burn::backend::Flex;
use burn::backend::ops::{FloatTensorOps, ModuleOps};
use burn::tensor::Shape;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffer::{dims, tensor};

/// Rows and columns that are transposed at a time: a line of the processor's cache.
const TILE: usize = 16;

/// `x W`, `[rows, tokens, out]`.
pub(super) fn forward(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
    Flex::linear(x, weight, None)
}

/// The gradient of `x`, `[rows, tokens, in]`.
pub(super) fn backward(dy: FlexTensor, weight: &FlexTensor) -> FlexTensor {
    match transposed(weight) {
        Some(weight) => times(dy, weight),
        None => Flex::linear_x_backward(weight.clone(), dy),
    }
}

/// A product of all tokens at once, `[rows, tokens, in]` times `[in, out]`.
pub(super) fn times(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
    let ([rows, tokens, inputs], [_, outputs]) = (dims(&x), dims(&weight));
    let flat = Flex::float_reshape(x, Shape::new([rows * tokens, inputs]));
    let y = Flex::float_matmul(flat, weight);
    Flex::float_reshape(y, Shape::new([rows, tokens, outputs]))
}

/// A copy of a matrix with its rows as columns; `None` where its rows are not one piece of memory.
fn transposed(matrix: &FlexTensor) -> Option<FlexTensor> {
    let [rows, columns] = dims::<2>(matrix);
    let layout = matrix.layout();
    if !layout.is_contiguous() || layout.num_elements() == 0 {
        return None;
    }
    let start = layout.start_offset();
    let values = &matrix.storage::<f32>()[start..start + rows * columns];
    let mut out = vec![0.0; rows * columns];
    let bands = out.par_chunks_mut(TILE * rows).enumerate();
    bands.for_each(|(band, out)| transpose_band(values, columns, band * TILE, out));
    Some(tensor(out, [columns, rows]))
}

/// Columns of `values` from `first` on, as the rows of `out`.
fn transpose_band(values: &[f32], columns: usize, first: usize, out: &mut [f32]) {
    let rows = values.len() / columns;
    let width = out.len() / rows;
    for top in (0..rows).step_by(TILE) {
        let mut tile = [[0.0; TILE]; TILE];
        let height = TILE.min(rows - top);
        for (row, line) in tile[..height].iter_mut().enumerate() {
            let start = (top + row) * columns + first;
            line[..width].copy_from_slice(&values[start..start + width]);
        }
        for (column, out) in out.chunks_exact_mut(rows).enumerate() {
            for (row, out) in out[top..top + height].iter_mut().enumerate() {
                *out = tile[row][column];
            }
        }
    }
}
