//! The product of a few rows with a weight, as in generation: its time is that of reading the weight once, in
//! the order of memory.
//!
//! The order of sums depends on the weight's shape alone, so a row's result is the same to the bit with any
//! other rows and any number of threads.
//! A product of many rows is left to Burn, whose blocked product is faster there.

mod add;
mod dot;
mod rows;

use burn_flex::FlexTensor;
use pulp::Arch;
use rayon::prelude::*;

use self::add::{Add, DEPTH};
use self::dot::{Dot, WIDTH};
use self::rows::Input;
use super::buffer::{dense, dims, tensor, values};

/// The most rows for which this product is faster than a blocked one.
pub(crate) const MOST_ROWS: usize = 16;

/// Tasks of a product; a fixed number, so that sums do not depend on the machine.
const TASKS: usize = 4;

/// `x w` for few rows; `None` where neither the inputs nor the outputs of the weight are contiguous.
///
/// # Shapes
///
/// - `x`: `[rows, inputs]`
/// - `w`: `[inputs, outputs]`
/// - result: `[rows, outputs]`
pub(super) fn product(x: &FlexTensor, w: &FlexTensor) -> Option<FlexTensor> {
    let [inputs, outputs] = dims::<2>(w);
    let layout = w.layout();
    let start = layout.start_offset();
    let weight = &w.storage::<f32>()[start..start + inputs * outputs];
    let [rows, _] = dims::<2>(x);
    let x = dense(x.clone());
    let x = Input {
        values: values(&x),
        rows,
        width: inputs,
    };
    let y = if layout.is_contiguous() {
        by_input(x, weight, outputs)
    } else if layout.permute(&[1, 0]).is_contiguous() {
        by_output(x, weight, outputs)
    } else {
        return None;
    };
    Some(tensor(y, [rows, outputs]))
}

/// For a weight whose outputs are contiguous: each task adds the products of some inputs to all outputs.
fn by_input(x: Input<'_>, weight: &[f32], outputs: usize) -> Vec<f32> {
    let step = x.width.div_ceil(TASKS).next_multiple_of(DEPTH);
    let tasks: Vec<_> = weight.chunks(step * outputs).enumerate().collect();
    let one = |(index, weight)| {
        let mut y = vec![0.0; x.rows * outputs];
        let first = index * step;
        let task = Add {
            y: &mut y,
            x,
            first,
            weight,
            outputs,
        };
        Arch::new().dispatch(task);
        y
    };
    let mut parts: Vec<Vec<f32>> = tasks.into_par_iter().map(one).collect();
    let mut sum = parts.swap_remove(0);
    for part in parts {
        for (sum, part) in sum.iter_mut().zip(part) {
            *sum += part;
        }
    }
    sum
}

/// For a weight whose inputs are contiguous: each task computes some outputs of every row.
fn by_output(x: Input<'_>, weight: &[f32], outputs: usize) -> Vec<f32> {
    let step = outputs.div_ceil(TASKS).next_multiple_of(WIDTH);
    let tasks: Vec<_> = weight.chunks(step * x.width).collect();
    let one = |weight: &[f32]| {
        let outputs = weight.len() / x.width;
        let mut y = vec![0.0; x.rows * outputs];
        let task = Dot {
            y: &mut y,
            x,
            weight,
            outputs,
        };
        Arch::new().dispatch(task);
        y
    };
    let parts: Vec<Vec<f32>> = tasks.into_par_iter().map(one).collect();
    let mut y = Vec::with_capacity(x.rows * outputs);
    for row in 0..x.rows {
        for part in &parts {
            let width = part.len() / x.rows;
            y.extend_from_slice(&part[row * width..(row + 1) * width]);
        }
    }
    y
}
