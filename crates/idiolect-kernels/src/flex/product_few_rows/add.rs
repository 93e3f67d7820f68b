//! A weight whose outputs are contiguous: rows of it, times a value of the input, are added to the result.

use std::array;

use pulp::{Simd, WithSimd};

use super::rows::Input;
use super::stored::{Stored, pieces};
use crate::flex::simd::lanes::{PAIR, PIECE, per_piece};

/// Inputs that are added in one pass over the result.
///
/// Their rows of the weight are a quarter of it apart, so that the processor fetches four pages ahead and not one.
pub(super) const DEPTH: usize = 4;

/// Adds the products of some inputs to all outputs.
pub(super) struct Add<'a, W> {
    pub(super) y: &'a mut [f32],
    pub(super) x: Input<'a>,
    /// The input that the first row of `weight` belongs to.
    pub(super) first: usize,
    pub(super) weight: W,
    pub(super) outputs: usize,
}

impl<W: Stored> WithSimd for Add<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let inputs = self.weight.count() / self.outputs;
        let apart = inputs / DEPTH;
        let row = |input| self.weight.part(input * self.outputs, self.outputs);
        for input in 0..apart {
            let w: [W; DEPTH] = array::from_fn(|d| row(input + d * apart));
            add_to_rows(simd, self.y, self.x, self.first + input, apart, w);
        }
        for input in apart * DEPTH..inputs {
            add_to_rows(simd, self.y, self.x, self.first + input, 0, [row(input)]);
        }
    }
}

/// `y += sum over d of x[.., input + d apart] w[d]`, four rows at a time, then one.
#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "both sides, the place in each, and the vectors to compute with"
)]
fn add_to_rows<S: Simd, W: Stored, const D: usize>(
    simd: S,
    y: &mut [f32],
    x: Input<'_>,
    input: usize,
    apart: usize,
    w: [W; D],
) {
    let width = w[0].count();
    let x = |row: usize| array::from_fn(|d| x.values[row * x.width + input + d * apart]);
    let (fours, ones) = y.split_at_mut(y.len() / (4 * width) * 4 * width);
    let mut row = 0;
    for y in fours.chunks_exact_mut(4 * width) {
        let (y01, y23) = y.split_at_mut(2 * width);
        let ((y0, y1), (y2, y3)) = (y01.split_at_mut(width), y23.split_at_mut(width));
        add::<S, W, 4, D>(simd, [y0, y1, y2, y3], array::from_fn(|r| x(row + r)), w);
        row += 4;
    }
    for y in ones.chunks_exact_mut(width) {
        add::<S, W, 1, D>(simd, [y], [x(row)], w);
        row += 1;
    }
}

/// `y[r] += sum over d of x[r][d] w[d]`, two pieces of the columns at a time, then one, then single ones.
#[inline(always)]
#[allow(
    clippy::needless_range_loop,
    reason = "one index runs through several slices"
)]
fn add<S: Simd, W: Stored, const R: usize, const D: usize>(
    simd: S,
    y: [&mut [f32]; R],
    x: [[f32; D]; R],
    w: [W; D],
) {
    let mut factors = [[simd.splat_f32s(0.0); D]; R];
    for r in 0..R {
        for d in 0..D {
            factors[r][d] = simd.splat_f32s(x[r][d]);
        }
    }
    let of_block = PAIR * W::PAIRS;
    let blocks = w[0].count() / (of_block * PIECE);
    let whole = blocks * of_block * PIECE;
    let mut y = y.map(|y| {
        let (pieces, tail) = y.split_at_mut(whole);
        (pieces.as_chunks_mut::<PIECE>().0, tail)
    });
    for at in 0..blocks {
        let mut block = [w[0].block(simd, at); D];
        for d in 1..D {
            block[d] = w[d].block(simd, at);
        }
        for pair in 0..W::PAIRS {
            let places = pieces(pair, W::APART);
            for v in 0..per_piece::<S>() {
                let mut wide = [[simd.splat_f32s(0.0); PAIR]; D];
                for d in 0..D {
                    wide[d] = W::vectors(simd, &block[d], pair, v);
                }
                for r in 0..R {
                    for half in 0..PAIR {
                        let sums = &mut y[r].0[of_block * at + places[half]];
                        let sum = &mut S::as_mut_simd_f32s(sums).0[v];
                        for d in 0..D {
                            *sum = simd.mul_add_e_f32s(factors[r][d], wide[d][half], *sum);
                        }
                    }
                }
            }
        }
    }
    for r in 0..R {
        let tail = &mut y[r].1;
        for (at, sum) in tail.iter_mut().enumerate() {
            for d in 0..D {
                *sum = w[d].value(whole + at).mul_add(x[r][d], *sum);
            }
        }
    }
}
