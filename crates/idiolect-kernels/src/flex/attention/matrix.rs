//! Matrix products for the tiles of attention.
//!
//! Everything is padded to whole vectors by [`pad`], so no loop here has a remainder.
//! Four rows of the result times up to four vectors stay in registers.

use std::ops::Range;

use pulp::Simd;

/// A length rounded up to a multiple of every vector width, as the products need it.
pub(super) fn pad(length: usize) -> usize {
    length.next_multiple_of(16)
}

/// A matrix in row-major order whose rows are `stride` apart.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    stride: usize,
}

impl<'a> Matrix<'a> {
    pub(super) fn new(values: &'a [f32], stride: usize) -> Self {
        Self { values, stride }
    }
}

/// Rows of a result that a register tile is written to.
struct Output<'a> {
    values: &'a mut [f32],
    /// Values of a row.
    width: usize,
    /// First column that is written.
    column: usize,
}

impl<'a> Output<'a> {
    #[inline(always)]
    fn new(values: &'a mut [f32], width: usize, column: usize) -> Self {
        Self {
            values,
            width,
            column,
        }
    }

    /// Writes vectors to each row, from the first column on.
    #[inline(always)]
    fn store<S: Simd, const N: usize>(self, sums: &[[S::f32s; N]; 4]) {
        for (sums, row) in sums.iter().zip(self.values.chunks_exact_mut(self.width)) {
            let row = S::as_mut_simd_f32s(&mut row[self.column..]).0;
            if let Some(c) = row.first_chunk_mut::<N>() {
                *c = *sums;
            }
        }
    }
}

/// `c = a b[.., columns]`, with the rows of `c` one after the other.
///
/// # Shapes
///
/// - `a`: `[m, k]` with `m` a multiple of 4
/// - `b`: `[k, n]`
/// - `c`: `[m, columns]`
#[inline(always)]
pub(super) fn product<S: Simd>(
    simd: S,
    c: &mut [f32],
    a: Matrix<'_>,
    b: Matrix<'_>,
    columns: Range<usize>,
) {
    let width = columns.end - columns.start;
    let depth = b.values.len() / b.stride;
    for (a, c) in a
        .values
        .chunks_exact(4 * a.stride)
        .zip(c.chunks_exact_mut(4 * width))
    {
        let (a01, a23) = a.split_at(a.len() / 2);
        let ((a0, a1), (a2, a3)) = (a01.split_at(a01.len() / 2), a23.split_at(a23.len() / 2));
        let rows = [&a0[..depth], &a1[..depth], &a2[..depth], &a3[..depth]];
        let mut at = columns.start;
        while columns.end - at >= 4 * S::F32_LANES && S::F32_LANES >= 16 {
            let column = at - columns.start;
            rows_by_columns::<S, 4>(simd, Output::new(c, width, column), rows, b, at);
            at += 4 * S::F32_LANES;
        }
        while columns.end - at >= 2 * S::F32_LANES {
            let column = at - columns.start;
            rows_by_columns::<S, 2>(simd, Output::new(c, width, column), rows, b, at);
            at += 2 * S::F32_LANES;
        }
        while at < columns.end {
            let column = at - columns.start;
            rows_by_columns::<S, 1>(simd, Output::new(c, width, column), rows, b, at);
            at += S::F32_LANES;
        }
    }
}

/// One register tile of [`product`], written at a column of `c`.
#[inline(always)]
fn rows_by_columns<S: Simd, const N: usize>(
    simd: S,
    c: Output<'_>,
    [a0, a1, a2, a3]: [&[f32]; 4],
    b: Matrix<'_>,
    from: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); N]; 4];
    let a = a0.iter().zip(a1).zip(a2.iter().zip(a3));
    for (((a0, a1), (a2, a3)), b) in a.zip(b.values.chunks_exact(b.stride)) {
        add_outer::<S, N>(simd, &mut sums, [*a0, *a1, *a2, *a3], &b[from..]);
    }
    c.store::<S, N>(&sums);
}

/// `c += a^T b`.
///
/// # Shapes
///
/// - `a`: `[k, m]` with `m` a multiple of 4
/// - `b`: `[k, n]`
/// - `c`: `[m, n]`
#[inline(always)]
pub(super) fn add_transposed_product<S: Simd>(
    simd: S,
    c: &mut [f32],
    a: Matrix<'_>,
    b: Matrix<'_>,
) {
    let width = b.stride;
    for (block, c) in c.chunks_exact_mut(4 * width).enumerate() {
        let mut at = 0;
        while width - at >= 4 * S::F32_LANES && S::F32_LANES >= 16 {
            add_columns::<S, 4>(simd, Output::new(c, width, at), a, b, 4 * block);
            at += 4 * S::F32_LANES;
        }
        while width - at >= 2 * S::F32_LANES {
            add_columns::<S, 2>(simd, Output::new(c, width, at), a, b, 4 * block);
            at += 2 * S::F32_LANES;
        }
        while at < width {
            add_columns::<S, 1>(simd, Output::new(c, width, at), a, b, 4 * block);
            at += S::F32_LANES;
        }
    }
}

/// One register tile of [`add_transposed_product`], whose rows are columns of `a` from `from` on.
#[inline(always)]
fn add_columns<S: Simd, const N: usize>(
    simd: S,
    c: Output<'_>,
    a: Matrix<'_>,
    b: Matrix<'_>,
    from: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); N]; 4];
    for (sums, row) in sums.iter_mut().zip(c.values.chunks_exact(c.width)) {
        if let Some(c) = S::as_simd_f32s(&row[c.column..]).0.first_chunk::<N>() {
            *sums = *c;
        }
    }
    let pairs = a
        .values
        .chunks_exact(a.stride)
        .zip(b.values.chunks_exact(b.stride));
    for (a, b) in pairs {
        if let Some(a) = a[from..].first_chunk::<4>() {
            add_outer::<S, N>(simd, &mut sums, *a, &b[c.column..]);
        }
    }
    c.store::<S, N>(&sums);
}

#[inline(always)]
fn add_outer<S: Simd, const N: usize>(
    simd: S,
    sums: &mut [[S::f32s; N]; 4],
    a: [f32; 4],
    b: &[f32],
) {
    let Some(b) = S::as_simd_f32s(b).0.first_chunk::<N>() else {
        return;
    };
    for (sums, a) in sums.iter_mut().zip(a) {
        let a = simd.splat_f32s(a);
        for (sum, b) in sums.iter_mut().zip(b) {
            *sum = simd.mul_add_e_f32s(a, *b, *sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    struct Both<'a> {
        c: &'a mut [f32],
        d: &'a mut [f32],
        a: Matrix<'a>,
        b: Matrix<'a>,
    }

    impl WithSimd for Both<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            product(simd, self.c, self.a, self.b, 16..self.b.stride);
            add_transposed_product(simd, self.d, self.b, self.b);
        }
    }

    #[test]
    fn products_are_sums_of_products() {
        for (m, k, n) in [(4, 1, 32), (8, 5, 48), (12, 16, 112)] {
            let a: Vec<f32> = (0..m * k).map(|i| (i * 7 % 11) as f32 - 5.0).collect();
            let b: Vec<f32> = (0..k * n).map(|i| (i * 5 % 13) as f32 - 6.0).collect();
            let (mut c, mut d) = (vec![0.0; m * (n - 16)], vec![1.0; n * n]);
            let (left, right) = (Matrix::new(&a, k), Matrix::new(&b, n));
            Arch::new().dispatch(Both {
                c: &mut c,
                d: &mut d,
                a: left,
                b: right,
            });
            for (i, c) in c.iter().enumerate() {
                let (row, column) = (i / (n - 16), i % (n - 16) + 16);
                let exact: f32 = (0..k).map(|j| a[row * k + j] * b[j * n + column]).sum();
                assert!((c - exact).abs() < 1e-6, "{m} {k} {n} at {row} {column}");
            }
            for (i, d) in d.iter().enumerate() {
                let exact: f32 = (0..k).map(|j| b[j * n + i / n] * b[j * n + i % n]).sum();
                assert!((d - 1.0 - exact).abs() < 1e-6, "{m} {k} {n} at {i}");
            }
        }
    }
}
