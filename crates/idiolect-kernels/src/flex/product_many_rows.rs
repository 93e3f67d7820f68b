//! The product of many rows with a frozen weight, as in training and for prompts.
//!
//! A block of the weight is widened to f32 and packed in panels of some outputs, on all threads; then each task
//! multiplies a band of rows with all panels, a register tile of rows and outputs at a time (Goto and van de Geijn,
//! ACM TOMS 34, 2008). The order of sums depends on the inputs alone, so a row's result is the same to the bit with
//! any other rows and any number of threads.
//!
//! Burn's own product fills its result with zeros and copies it, both on one thread, before it multiplies
//! (docs/decisions/0043-products-of-many-rows.md).

mod bands;
#[cfg(target_arch = "x86_64")]
mod bf16;
mod pack;
mod tile;

use std::cell::Cell;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use self::bands::{MOST_VALUES, band};
use self::pack::{Block, Line, WIDE, lines, pack};
use self::tile::{ROWS, Tile};
use super::product_few_rows::{Form, Stored};
use super::simd::lanes::PIECE;

/// The most inputs of a block: a panel of them stays in a core's second cache.
const MOST_INPUTS: usize = 640;

/// Inputs that are stored together in the type that has the most, `Q6_K`; `MOST_INPUTS` is a whole number of them.
const TOGETHER: usize = 128;

thread_local! {
    /// Memory of packed blocks, kept from one product to the next.
    static PACKED: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };
}

/// `x w`, row after row.
///
/// # Shapes
///
/// - `x`: `[rows, inputs]`
/// - `weight`: `[inputs, outputs]`
/// - result: `[rows, outputs]`
pub(super) fn times<W: Stored>(x: &[f32], weight: W, form: Form) -> Vec<f32> {
    let Form {
        inputs, outputs, ..
    } = form;
    let rows = x.len() / inputs.max(1);
    let mut y = vec![0.0; rows * outputs];
    if y.is_empty() {
        return y;
    }
    let mut packed = PACKED.take();
    let depth = depth(inputs);
    let most = (MOST_VALUES / depth / WIDE).max(1) * WIDE;
    for first in (0..inputs).step_by(depth) {
        for column in (0..outputs).step_by(most) {
            let block = Block {
                inputs: first..inputs.min(first + depth),
                outputs: column..outputs.min(column + most),
            };
            pack(&mut packed, weight, form, &block);
            multiply(&mut y, x, &packed, form, &block);
        }
    }
    PACKED.set(packed);
    y
}

/// `x w` of bf16 in bf16; `None` where the processor has no products of bf16.
///
/// # Shapes
///
/// As [`times`].
#[cfg(target_arch = "x86_64")]
pub(super) use self::bf16::times as in_bf16;

/// `None`: other processors have no products of bf16 here.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn in_bf16(_: &[half::bf16], _: &[half::bf16], _: Form) -> Option<Vec<half::bf16>> {
    None
}

/// Inputs of a block: equal parts, each a whole number of what any type stores together.
fn depth(inputs: usize) -> usize {
    let blocks = inputs.div_ceil(MOST_INPUTS).max(1);
    inputs.div_ceil(blocks).next_multiple_of(TOGETHER)
}

/// Adds the product with a packed block to the result.
fn multiply(y: &mut [f32], x: &[f32], packed: &[Line], form: Form, block: &Block) {
    let band = band(y.len() / form.outputs, ROWS);
    let tasks = y.par_chunks_mut(band * form.outputs);
    tasks
        .zip(x.par_chunks(band * form.inputs))
        .for_each(|(y, x)| {
            Arch::new().dispatch(Band {
                y,
                x,
                packed,
                form,
                block,
            });
        });
}

/// Some rows of a product with a packed block.
struct Band<'a> {
    y: &'a mut [f32],
    x: &'a [f32],
    packed: &'a [Line],
    form: Form,
    block: &'a Block,
}

impl WithSimd for Band<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Form {
            inputs, outputs, ..
        } = self.form;
        let rows = self.y.len() / outputs;
        let wide = lines::<S>() * PIECE;
        let panels = self
            .packed
            .chunks_exact(self.block.inputs.len() * lines::<S>());
        for (panel, start) in panels.zip(self.block.outputs.clone().step_by(wide)) {
            for row in (0..rows).step_by(ROWS) {
                let tile = Tile {
                    y: &mut self.y[row * outputs + start..],
                    y_stride: outputs,
                    x: &self.x[row * inputs + self.block.inputs.start..],
                    x_stride: inputs,
                    panel,
                    outputs: wide.min(self.block.outputs.end - start),
                    adds: self.block.inputs.start > 0,
                };
                tile.multiply(simd, rows - row);
            }
        }
    }
}
