//! A weight whose outputs are contiguous: rows of it, times a value of the input, are added to the result.

use std::array;

use pulp::{Simd, WithSimd};

use super::rows::{Input, quarters};

/// Inputs that are added in one pass over the result.
pub(super) const DEPTH: usize = 4;

/// Adds the products of some inputs to all outputs.
pub(super) struct Add<'a> {
    pub(super) y: &'a mut [f32],
    pub(super) x: Input<'a>,
    /// The input that the first row of `weight` belongs to.
    pub(super) first: usize,
    pub(super) weight: &'a [f32],
    pub(super) outputs: usize,
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut input = self.first;
        let mut groups = self.weight.chunks_exact(DEPTH * self.outputs);
        for group in &mut groups {
            add_to_rows(simd, self.y, self.x, input, quarters(group));
            input += DEPTH;
        }
        for row in groups.remainder().chunks_exact(self.outputs) {
            add_to_rows(simd, self.y, self.x, input, [row]);
            input += 1;
        }
    }
}

/// `y += x[.., input..input + D] w`, four rows at a time, then one.
#[inline(always)]
fn add_to_rows<S: Simd, const D: usize>(
    simd: S,
    y: &mut [f32],
    x: Input<'_>,
    input: usize,
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
        let x: [&[f32]; 4] = array::from_fn(|_| x.next().unwrap_or_default());
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
        // All are read before any is written: the compiler cannot know that they do not overlap.
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
