//! A weight times a few rows, as in generation: bound by reading the weight once, in order.
//!
//! Sums run in an order that depends on the weight's shape alone, so a row's result is the same to the
//! bit whatever stands beside it and however many threads there are.
//! Many rows are the business of a blocked product, which is Burn's.

use std::array;

use burn_flex::FlexTensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::buffer::{dense, dims, tensor};

/// Rows above which a blocked product is faster.
pub(crate) const MOST_ROWS: usize = 16;

/// Inputs that are added in one pass over the result.
const DEPTH: usize = 4;

/// Outputs that are summed in one pass over the input.
const WIDTH: usize = 4;

/// Tasks of a product; a fixed number, so that sums do not depend on the machine.
const TASKS: usize = 4;

/// `x w` for few rows; `None` where the weight lies in memory as nothing here reads it.
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
    let values = &w.storage::<f32>()[start..start + inputs * outputs];
    let [rows, _] = dims::<2>(x);
    let x = dense(x.clone());
    let x = Input {
        values: super::buffer::values(&x),
        rows,
        width: inputs,
    };
    let y = if layout.is_contiguous() {
        by_input(x, values, outputs)
    } else if layout.permute(&[1, 0]).is_contiguous() {
        by_output(x, values, outputs)
    } else {
        return None;
    };
    Some(tensor(y, [rows, outputs]))
}

/// Rows of equal width.
#[derive(Clone, Copy)]
struct Input<'a> {
    values: &'a [f32],
    rows: usize,
    width: usize,
}

/// For a weight whose outputs lie together: each task adds the part of some inputs to all outputs.
fn by_input(x: Input<'_>, weight: &[f32], outputs: usize) -> Vec<f32> {
    let step = x.width.div_ceil(TASKS).next_multiple_of(DEPTH);
    let tasks: Vec<_> = weight.chunks(step * outputs).enumerate().collect();
    let one = |(place, weight)| {
        let mut y = vec![0.0; x.rows * outputs];
        let first = place * step;
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

/// For a weight whose inputs lie together: each task makes some outputs of every row.
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

/// Four slices of equal length.
#[inline(always)]
fn quarters(all: &[f32]) -> [&[f32]; 4] {
    let (first, last) = all.split_at(all.len() / 2);
    let (a, b) = first.split_at(first.len() / 2);
    let (c, d) = last.split_at(last.len() / 2);
    [a, b, c, d]
}

struct Add<'a> {
    y: &'a mut [f32],
    x: Input<'a>,
    /// The input that the first row of `weight` belongs to.
    first: usize,
    weight: &'a [f32],
    outputs: usize,
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut input = self.first;
        let mut groups = self.weight.chunks_exact(DEPTH * self.outputs);
        for group in &mut groups {
            add_to_rows(simd, self.y, (self.x, input), quarters(group));
            input += DEPTH;
        }
        for row in groups.remainder().chunks_exact(self.outputs) {
            add_to_rows(simd, self.y, (self.x, input), [row]);
            input += 1;
        }
    }
}

struct Dot<'a> {
    y: &'a mut [f32],
    x: Input<'a>,
    weight: &'a [f32],
    outputs: usize,
}

impl WithSimd for Dot<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let inputs = self.x.width;
        let mut at = 0;
        let mut groups = self.weight.chunks_exact(WIDTH * inputs);
        for group in &mut groups {
            dot_with_rows(simd, (self.y, self.outputs, at), self.x, quarters(group));
            at += WIDTH;
        }
        for row in groups.remainder().chunks_exact(inputs) {
            dot_with_rows(simd, (self.y, self.outputs, at), self.x, [row]);
            at += 1;
        }
    }
}

/// `y += x[.., input..input + D] w`, four rows at a time, then one.
#[inline(always)]
fn add_to_rows<S: Simd, const D: usize>(
    simd: S,
    y: &mut [f32],
    (x, input): (Input<'_>, usize),
    w: [&[f32]; D],
) {
    let width = w[0].len();
    let mut x = x
        .values
        .chunks_exact(x.width)
        .map(|row| &row[input..input + D]);
    let (fours, ones) = y.split_at_mut(y.len() / (4 * width) * 4 * width);
    for y in fours.chunks_exact_mut(4 * width) {
        let (y01, y23) = y.split_at_mut(2 * width);
        let ((y0, y1), (y2, y3)) = (y01.split_at_mut(width), y23.split_at_mut(width));
        let x: [&[f32]; 4] = std::array::from_fn(|_| x.next().unwrap_or_default());
        add::<S, 4, D>(simd, [y0, y1, y2, y3], x, w);
    }
    for y in ones.chunks_exact_mut(width) {
        add::<S, 1, D>(simd, [y], [x.next().unwrap_or_default()], w);
    }
}

/// `y[r] += sum over d of x[r][d] w[d]`, a vector of columns at a time.
#[inline(always)]
#[allow(
    clippy::needless_range_loop,
    reason = "one index runs through several slices"
)]
fn add<S: Simd, const R: usize, const D: usize>(
    simd: S,
    y: [&mut [f32]; R],
    x: [&[f32]; R],
    w: [&[f32]; D],
) {
    let factors: [[S::f32s; D]; R] =
        array::from_fn(|r| array::from_fn(|d| simd.splat_f32s(x[r][d])));
    let whole = w[0].len() / S::F32_LANES;
    let vectors = w.map(|w| &S::as_simd_f32s(w).0[..whole]);
    let mut sums = y.map(|y| {
        let (body, tail) = S::as_mut_simd_f32s(y);
        (&mut body[..whole], tail)
    });
    for at in 0..whole {
        // All are read before any is written: the compiler cannot know that they lie apart.
        let w: [S::f32s; D] = array::from_fn(|d| vectors[d][at]);
        let mut values: [S::f32s; R] = array::from_fn(|r| sums[r].0[at]);
        for d in 0..D {
            for r in 0..R {
                values[r] = simd.mul_add_e_f32s(factors[r][d], w[d], values[r]);
            }
        }
        for r in 0..R {
            sums[r].0[at] = values[r];
        }
    }
    for ((_, tail), x) in sums.iter_mut().zip(x) {
        for (w, x) in w.iter().zip(x) {
            let w = &w[whole * S::F32_LANES..];
            for (y, w) in tail.iter_mut().zip(w) {
                *y = w.mul_add(*x, *y);
            }
        }
    }
}

/// `y[r][column + i] = x[r] w[i]`, four rows at a time, then one.
#[inline(always)]
fn dot_with_rows<S: Simd, const N: usize>(
    simd: S,
    (y, width, column): (&mut [f32], usize, usize),
    x: Input<'_>,
    w: [&[f32]; N],
) {
    let inputs = x.width;
    let (fours, ones) = x.values.split_at(x.rows / 4 * 4 * inputs);
    let mut y = y.chunks_exact_mut(width);
    for x in fours.chunks_exact(4 * inputs) {
        let sums = dots(simd, quarters(x), w);
        for (sums, y) in sums.iter().zip(&mut y) {
            y[column..column + N].copy_from_slice(sums);
        }
    }
    for (x, y) in ones.chunks_exact(inputs).zip(y) {
        let [sums] = dots(simd, [x], w);
        y[column..column + N].copy_from_slice(&sums);
    }
}

/// `x[r] w[i]` for all pairs.
#[inline(always)]
fn dots<S: Simd, const R: usize, const N: usize>(
    simd: S,
    x: [&[f32]; R],
    w: [&[f32]; N],
) -> [[f32; N]; R] {
    let whole = w[0].len() / S::F32_LANES;
    let (a, b) = (
        x.map(|x| &S::as_simd_f32s(x).0[..whole]),
        w.map(|w| &S::as_simd_f32s(w).0[..whole]),
    );
    let mut sums = [[simd.splat_f32s(0.0); N]; R];
    for at in 0..whole {
        for r in 0..R {
            for i in 0..N {
                sums[r][i] = simd.mul_add_e_f32s(a[r][at], b[i][at], sums[r][i]);
            }
        }
    }
    let mut out = [[0.0; N]; R];
    for r in 0..R {
        for i in 0..N {
            let tail = x[r].iter().zip(w[i]).skip(whole * S::F32_LANES);
            let tail: f32 = tail.map(|(x, w)| x * w).sum();
            out[r][i] = simd.reduce_sum_f32s(sums[r][i]) + tail;
        }
    }
    out
}
