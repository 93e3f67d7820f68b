//! A weight whose inputs are contiguous: each value of the result is a dot product.

use std::array;

use pulp::{Simd, WithSimd};

use super::rows::{Piece, Pieces};
use super::stored::{Stored, pieces};
use crate::flex::simd::lanes::{PAIR, PIECE, has_many_registers, per_piece};

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

/// `y[r][columns[i]] = x[r] w[i]` for all rows of `outputs` values: eight or four at a time, then one, and of several
/// rows as many columns that the sums stay in registers.
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
    let (eights, fewer) = y.split_at_mut(y.len() / (8 * outputs) * 8 * outputs);
    let mut row = 0;
    for y in eights.chunks_exact_mut(8 * outputs) {
        if has_many_registers::<S>() {
            by_twos::<S, W, 8, N>(simd, y, columns, x.get(row), w);
        } else {
            let (y0, y4) = y.split_at_mut(4 * outputs);
            by_twos::<S, W, 4, N>(simd, y0, columns, x.get(row), w);
            by_twos::<S, W, 4, N>(simd, y4, columns, x.get(row + 4), w);
        }
        row += 8;
    }
    let (fours, ones) = fewer.split_at_mut(fewer.len() / (4 * outputs) * 4 * outputs);
    for y in fours.chunks_exact_mut(4 * outputs) {
        if has_many_registers::<S>() {
            store::<4, N>(y, outputs, columns, dots(simd, x.get(row), w));
        } else {
            by_twos::<S, W, 4, N>(simd, y, columns, x.get(row), w);
        }
        row += 4;
    }
    for y in ones.chunks_exact_mut(outputs) {
        store::<1, N>(y, outputs, columns, dots(simd, x.get(row), w));
        row += 1;
    }
}

/// `y[r][columns[i]] = x[r] w[i]` for `R` rows, two columns at a time.
#[inline(always)]
fn by_twos<S: Simd, W: Stored, const R: usize, const N: usize>(
    simd: S,
    y: &mut [f32],
    columns: [usize; N],
    x: [&[Piece]; R],
    w: [W; N],
) {
    let outputs = y.len() / R;
    let ((twos, one), (columns, last)) = (w.as_chunks(), columns.as_chunks());
    for (columns, w) in columns.iter().zip(twos) {
        store::<R, 2>(y, outputs, *columns, dots(simd, x, *w));
    }
    for (column, w) in last.iter().zip(one) {
        store::<R, 1>(y, outputs, [*column], dots(simd, x, [*w]));
    }
}

/// `y[r][columns[i]] = sums[r][i]`.
#[inline(always)]
fn store<const R: usize, const N: usize>(
    y: &mut [f32],
    outputs: usize,
    columns: [usize; N],
    sums: [[f32; N]; R],
) {
    for (y, sums) in y.chunks_exact_mut(outputs).zip(sums) {
        for (column, sum) in columns.into_iter().zip(sums) {
            y[column] = sum;
        }
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
    let of_block = PAIR * W::PAIRS;
    let blocks = inputs / (of_block * PIECE);
    let mut sums = [[simd.splat_f32s(0.0); N]; R];
    for at in 0..blocks {
        let mut block = [w[0].block(simd, at); N];
        for i in 1..N {
            block[i] = w[i].block(simd, at);
        }
        for pair in 0..W::PAIRS {
            let places = pieces(pair, W::APART);
            let mut wide = [[simd.splat_f32s(0.0); PAIR]; N];
            for v in 0..per_piece::<S>() {
                for i in 0..N {
                    wide[i] = W::vectors(simd, &block[i], pair, v);
                }
                for half in 0..PAIR {
                    for r in 0..R {
                        let x = &x[r][of_block * at + places[half]].0;
                        let x = S::as_simd_f32s(x).0[v];
                        for i in 0..N {
                            sums[r][i] = simd.mul_add_e_f32s(x, wide[i][half], sums[r][i]);
                        }
                    }
                }
            }
        }
    }
    let whole = blocks * of_block * PIECE;
    let mut out = [[0.0; N]; R];
    for r in 0..R {
        for i in 0..N {
            out[r][i] = simd.reduce_sum_f32s(sums[r][i]);
            for at in whole..inputs {
                out[r][i] += x[r][at / PIECE].0[at % PIECE] * w[i].value(at);
            }
        }
    }
    out
}
