//! A weight whose inputs are contiguous: each value of the result is a dot product.

use std::array;

use pulp::{Simd, WithSimd};

use super::rows::{Piece, Pieces};
use super::stored::{PIECE, Stored};

/// Outputs that are computed in one pass over the input.
///
/// Their rows of the weight are a quarter of it apart, so that the processor fetches four pages ahead and not one.
pub(super) const WIDTH: usize = 4;

/// Computes some outputs of every row.
pub(super) struct Dot<'a, W> {
    pub(super) y: &'a mut [f32],
    pub(super) x: &'a Pieces,
    pub(super) weight: W,
    pub(super) inputs: usize,
}

impl<W: Stored> WithSimd for Dot<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let outputs = self.weight.count() / self.inputs;
        let apart = outputs / WIDTH;
        let row = |output| self.weight.part(output * self.inputs, self.inputs);
        for output in 0..apart {
            let columns = array::from_fn(|i| output + i * apart);
            let w: [W; WIDTH] = array::from_fn(|i| row(columns[i]));
            dot_with_rows(simd, self.y, outputs, columns, self.x, w);
        }
        for output in apart * WIDTH..outputs {
            dot_with_rows(simd, self.y, outputs, [output], self.x, [row(output)]);
        }
    }
}

/// `y[r][columns[i]] = x[r] w[i]` for all rows of `outputs` values, four at a time, then one.
#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "both sides, the place in each, and the vectors to compute with"
)]
fn dot_with_rows<S: Simd, W: Stored, const N: usize>(
    simd: S,
    y: &mut [f32],
    outputs: usize,
    columns: [usize; N],
    x: &Pieces,
    w: [W; N],
) {
    let (fours, ones) = y.split_at_mut(y.len() / (4 * outputs) * 4 * outputs);
    let mut row = 0;
    for y in fours.chunks_exact_mut(4 * outputs) {
        let sums: [[f32; N]; 4] = dots(simd, x.get(row), w);
        for (y, sums) in y.chunks_exact_mut(outputs).zip(sums) {
            for (column, sum) in columns.into_iter().zip(sums) {
                y[column] = sum;
            }
        }
        row += 4;
    }
    for y in ones.chunks_exact_mut(outputs) {
        let [sums]: [[f32; N]; 1] = dots(simd, x.get(row), w);
        for (column, sum) in columns.into_iter().zip(sums) {
            y[column] = sum;
        }
        row += 1;
    }
}

/// `x[r] w[i]` for all pairs.
#[inline(always)]
#[allow(
    clippy::needless_range_loop,
    reason = "one index runs through several slices"
)]
fn dots<S: Simd, W: Stored, const R: usize, const N: usize>(
    simd: S,
    x: [&[Piece]; R],
    w: [W; N],
) -> [[f32; N]; R] {
    let inputs = w[0].count();
    let whole = inputs / (2 * PIECE);
    let mut sums = [[simd.splat_f32s(0.0); N]; R];
    for at in 0..whole {
        for i in 0..N {
            let wide = w[i].pair(at);
            for half in 0..2 {
                for (v, w) in S::as_simd_f32s(&wide[half]).0.iter().enumerate() {
                    for r in 0..R {
                        let x = S::as_simd_f32s(&x[r][2 * at + half].0).0[v];
                        sums[r][i] = simd.mul_add_e_f32s(x, *w, sums[r][i]);
                    }
                }
            }
        }
    }
    let mut out = [[0.0; N]; R];
    for r in 0..R {
        for i in 0..N {
            out[r][i] = simd.reduce_sum_f32s(sums[r][i]) * W::UNIT;
            for at in whole * 2 * PIECE..inputs {
                out[r][i] += x[r][at / PIECE].0[at % PIECE] * w[i].value(at);
            }
        }
    }
    out
}
