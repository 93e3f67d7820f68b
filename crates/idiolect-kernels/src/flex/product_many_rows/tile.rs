//! A tile of the result of a product: some rows and the outputs of a panel, whose sums stay in registers.

use pulp::Simd;

use super::pack::{Line, lines};
use crate::flex::simd::lanes::{PIECE, has_many_registers};

/// Rows of a tile: with four vectors of each, 24 of the 32 registers of AVX-512.
pub(super) const ROWS: usize = 6;

/// Rows of a result beside the rows of the input that they come from, with a panel of the weight.
pub(super) struct Tile<'a> {
    /// From the first value that is written on.
    pub(super) y: &'a mut [f32],
    /// Values from one row of the result to the next.
    pub(super) y_stride: usize,
    /// From the first value that is read on.
    pub(super) x: &'a [f32],
    /// Values from one row of the input to the next.
    pub(super) x_stride: usize,
    /// Input after input.
    pub(super) panel: &'a [Line],
    /// Outputs of the panel that the result has.
    pub(super) outputs: usize,
    /// Whether what is there is added to, and not overwritten.
    pub(super) adds: bool,
}

impl Tile<'_> {
    /// Multiplies as many rows as there are, and at most [`ROWS`].
    #[inline(always)]
    pub(super) fn multiply<S: Simd>(self, simd: S, rows: usize) {
        match rows {
            1 => self.rows::<S, 1>(simd),
            2 => self.rows::<S, 2>(simd),
            3 => self.rows::<S, 3>(simd),
            4 => self.rows::<S, 4>(simd),
            5 => self.rows::<S, 5>(simd),
            _ => self.rows::<S, ROWS>(simd),
        }
    }

    #[inline(always)]
    fn rows<S: Simd, const R: usize>(self, simd: S) {
        if has_many_registers::<S>() {
            self.columns::<S, R, 4>(simd);
        } else {
            self.columns::<S, R, 2>(simd);
        }
    }

    /// `N` vectors of outputs at a time.
    #[inline(always)]
    fn columns<S: Simd, const R: usize, const N: usize>(mut self, simd: S) {
        let at_once = N * S::F32_LANES;
        for first in (0..self.outputs).step_by(at_once) {
            let sums = self.sums::<S, R, N>(simd, first);
            for (row, sums) in sums.iter().enumerate() {
                self.store::<S, N>(simd, row, first, sums);
            }
        }
    }

    /// The sums over the inputs of the panel, of `N` vectors of outputs from `first` on.
    #[inline(always)]
    fn sums<S: Simd, const R: usize, const N: usize>(
        &self,
        simd: S,
        first: usize,
    ) -> [[S::f32s; N]; R] {
        let depth = self.panel.len() / lines::<S>();
        let mut x = [self.x; R];
        for (row, x) in x.iter_mut().enumerate() {
            *x = &self.x[row * self.x_stride..][..depth];
        }
        let mut sums = [[simd.splat_f32s(0.0); N]; R];
        let weights = bytemuck::cast_slice(self.panel);
        for (input, weights) in weights.chunks_exact(lines::<S>() * PIECE).enumerate() {
            if let Some(weights) = S::as_simd_f32s(&weights[first..]).0.first_chunk::<N>() {
                for (sums, x) in sums.iter_mut().zip(x) {
                    let x = simd.splat_f32s(x[input]);
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = simd.mul_add_e_f32s(x, *weights, *sum);
                    }
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn store<S: Simd, const N: usize>(
        &mut self,
        simd: S,
        row: usize,
        first: usize,
        sums: &[S::f32s; N],
    ) {
        let count = (self.outputs - first).min(N * S::F32_LANES);
        let y = &mut self.y[row * self.y_stride + first..][..count];
        let (whole, tail) = S::as_mut_simd_f32s(y);
        let mut sums = sums.iter();
        for (y, sum) in whole.iter_mut().zip(&mut sums) {
            *y = if self.adds {
                simd.add_f32s(*y, *sum)
            } else {
                *sum
            };
        }
        if let (false, Some(sum)) = (tail.is_empty(), sums.next()) {
            let sum = if self.adds {
                simd.add_f32s(simd.partial_load_f32s(tail), *sum)
            } else {
                *sum
            };
            simd.partial_store_f32s(tail, sum);
        }
    }
}
