//! The product of a few rows with a weight, as in generation: its time is that of reading the weight once.
//!
//! The order of sums depends on the weight's shape alone, so a row's result is the same to the bit with any
//! other rows and any number of threads.
//! A product of many rows packs the weight first (`product_many_rows`).

mod add;
mod dot;
mod eight_bits;
mod rows;
mod stored;
mod widen;

use std::sync::OnceLock;

use pulp::Arch;
use rayon::prelude::*;

use self::add::{Add, DEPTH};
use self::dot::{Dot, WIDTH};
use self::rows::{Input, Pieces};

pub(super) use self::eight_bits::EightBits;
pub(super) use self::stored::{Stored, pieces};
pub(super) use self::widen::{pair, pair_of_vectors, piece, widen};

/// The most rows for which this product is faster than a blocked one.
pub(crate) const MOST_ROWS: usize = 16;

/// Values of the weight that are worth a task of the thread pool.
const TASK: usize = 1 << 16;

/// The most tasks of a product that adds up what its tasks return.
const MOST_TASKS: usize = 64;

/// Which values of a weight are neighbours in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Along {
    /// Those of an input: the weight is stored `[inputs, outputs]`.
    Outputs,
    /// Those of an output: the weight is stored `[outputs, inputs]`.
    Inputs,
}

/// The sizes of a weight, and its order in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) along: Along,
}

impl Form {
    /// The transposed weight in the same memory.
    pub(super) fn transposed(self) -> Self {
        let along = match self.along {
            Along::Outputs => Along::Inputs,
            Along::Inputs => Along::Outputs,
        };
        Self {
            inputs: self.outputs,
            outputs: self.inputs,
            along,
        }
    }
}

/// `x w`, row after row.
///
/// # Shapes
///
/// - `x`: `[rows, inputs]`
/// - `weight`: `[inputs, outputs]`
/// - result: `[rows, outputs]`
pub(super) fn times<W: Stored>(x: &[f32], weight: W, form: Form) -> Vec<f32> {
    FewRows::new(x, form.inputs).times(weight, form)
}

/// Rows that any number of weights are multiplied with.
pub(super) struct FewRows<'a> {
    x: Input<'a>,
    /// Made for the first weight that needs them.
    pieces: OnceLock<Pieces>,
}

impl<'a> FewRows<'a> {
    /// `x`: `[rows, inputs]`.
    pub(super) fn new(x: &'a [f32], inputs: usize) -> Self {
        Self {
            x: Input {
                values: x,
                rows: x.len() / inputs.max(1),
                width: inputs,
            },
            pieces: OnceLock::new(),
        }
    }

    /// As [`times`].
    pub(super) fn times<W: Stored>(&self, weight: W, form: Form) -> Vec<f32> {
        match form.along {
            Along::Outputs => by_input(self.x, weight),
            Along::Inputs => {
                let pieces = self.pieces.get_or_init(|| Pieces::new(self.x));
                by_output(self.x, pieces, weight)
            }
        }
    }
}

/// For a weight whose outputs are contiguous: each task adds the products of some inputs to all outputs.
fn by_input<W: Stored>(x: Input<'_>, weight: W) -> Vec<f32> {
    let outputs = weight.count() / x.width;
    // Enough inputs in a task that adding up what tasks return takes little beside it.
    let tasks = (weight.count() / TASK).min(x.width / 64);
    let step = x.width.div_ceil(tasks.clamp(2, MOST_TASKS));
    let step = step.next_multiple_of(DEPTH);
    let starts: Vec<usize> = (0..x.width).step_by(step).collect();
    let one = |first: usize| {
        let mut y = vec![0.0; x.rows * outputs];
        let inputs = step.min(x.width - first);
        let task = Add {
            y: &mut y,
            x,
            first,
            weight: weight.part(first * outputs, inputs * outputs),
            outputs,
        };
        Arch::new().dispatch(task);
        y
    };
    let mut parts: Vec<Vec<f32>> = starts.into_par_iter().map(one).collect();
    let mut sum = parts.swap_remove(0);
    for part in parts {
        for (sum, part) in sum.iter_mut().zip(part) {
            *sum += part;
        }
    }
    sum
}

/// For a weight whose inputs are contiguous: each task computes some outputs of every row, so that their number
/// changes no sum.
fn by_output<W: Stored>(x: Input<'_>, pieces: &Pieces, weight: W) -> Vec<f32> {
    let outputs = weight.count() / x.width;
    let tasks = (weight.count() / TASK).clamp(1, 4 * rayon::current_num_threads());
    let step = outputs.div_ceil(tasks).next_multiple_of(WIDTH);
    let starts: Vec<usize> = (0..outputs).step_by(step).collect();
    let one = |first: usize| {
        let outputs = step.min(outputs - first);
        let mut y = vec![0.0; x.rows * outputs];
        let task = Dot {
            y: &mut y,
            x: pieces,
            weight: weight.part(first * x.width, outputs * x.width),
            inputs: x.width,
        };
        Arch::new().dispatch(task);
        y
    };
    let parts: Vec<Vec<f32>> = starts.into_par_iter().map(one).collect();
    let mut y = Vec::with_capacity(x.rows * outputs);
    for row in 0..x.rows {
        for part in &parts {
            let width = part.len() / x.rows;
            y.extend_from_slice(&part[row * width..(row + 1) * width]);
        }
    }
    y
}
