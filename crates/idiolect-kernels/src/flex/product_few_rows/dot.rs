//! A weight whose inputs are contiguous: each value of the result is a dot product.

use pulp::{Simd, WithSimd};

use super::rows::{Input, quarters};

/// Outputs that are computed in one pass over the input.
pub(super) const WIDTH: usize = 4;

/// Computes some outputs of every row.
pub(super) struct Dot<'a> {
    pub(super) y: &'a mut [f32],
    pub(super) x: Input<'a>,
    pub(super) weight: &'a [f32],
    pub(super) outputs: usize,
}

impl WithSimd for Dot<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let inputs = self.x.width;
        let mut at = 0;
        let mut groups = self.weight.chunks_exact(WIDTH * inputs);
        for group in &mut groups {
            let y = Output {
                values: self.y,
                width: self.outputs,
                column: at,
            };
            dot_with_rows(simd, y, self.x, quarters(group));
            at += WIDTH;
        }
        for row in groups.remainder().chunks_exact(inputs) {
            let y = Output {
                values: self.y,
                width: self.outputs,
                column: at,
            };
            dot_with_rows(simd, y, self.x, [row]);
            at += 1;
        }
    }
}

/// Rows of a result that some columns are written to.
struct Output<'a> {
    values: &'a mut [f32],
    /// Values of a row.
    width: usize,
    /// First column that is written.
    column: usize,
}

/// `y[r][column + i] = x[r] w[i]`, four rows at a time, then one.
#[inline(always)]
fn dot_with_rows<S: Simd, const N: usize>(simd: S, y: Output<'_>, x: Input<'_>, w: [&[f32]; N]) {
    let (inputs, column) = (x.width, y.column);
    let (fours, ones) = x.values.split_at(x.rows / 4 * 4 * inputs);
    let mut y = y.values.chunks_exact_mut(y.width);
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
