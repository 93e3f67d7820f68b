//! Matrix products of our own: small ones for the tiles of attention, and those with a frozen weight that
//! is kept in few bits.
//!
//! A packed weight is widened for one product and let go: Burn's tape would keep the wide weight until the
//! way back, here it keeps the packed one and widens it again. Flex holds a byte for each value, whatever
//! the number of its bits, and an f32 for each block.
//!
//! For the tiles everything is padded to whole vectors by [`pad`], so no loop here has a remainder.
//! Four rows of the result times up to four vectors stay in registers.

use std::ops::Range;

use burn::backend::ops::{FloatTensorOps, QTensorOps};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, FloatDType, Shape};
use burn_flex::{FlexQTensor, FlexTensor};
use pulp::Simd;
use rayon::prelude::*;

use super::buffer::{dims, tensor};

/// A length rounded up to what the products ask for: a multiple of every vector width.
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

/// `c = a b[.., columns]` for a dense `c` of `columns` wide rows; the rows of `a` are as long as `b` has
/// rows.
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
            rows_by_columns::<S, 4>(simd, (c, width, at - columns.start), rows, b, at);
            at += 4 * S::F32_LANES;
        }
        while columns.end - at >= 2 * S::F32_LANES {
            rows_by_columns::<S, 2>(simd, (c, width, at - columns.start), rows, b, at);
            at += 2 * S::F32_LANES;
        }
        while at < columns.end {
            rows_by_columns::<S, 1>(simd, (c, width, at - columns.start), rows, b, at);
            at += S::F32_LANES;
        }
    }
}

/// One register tile of [`product`], written at a column of `c`.
#[inline(always)]
fn rows_by_columns<S: Simd, const N: usize>(
    simd: S,
    (c, width, to): (&mut [f32], usize, usize),
    [a0, a1, a2, a3]: [&[f32]; 4],
    b: Matrix<'_>,
    from: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); N]; 4];
    let a = a0.iter().zip(a1).zip(a2.iter().zip(a3));
    for (((a0, a1), (a2, a3)), b) in a.zip(b.values.chunks_exact(b.stride)) {
        add_outer::<S, N>(simd, &mut sums, [*a0, *a1, *a2, *a3], &b[from..]);
    }
    for (sums, c) in sums.iter().zip(c.chunks_exact_mut(width)) {
        store::<S, N>(&mut c[to..], sums);
    }
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
            add_columns::<S, 4>(simd, (c, width, at), a, b, 4 * block);
            at += 4 * S::F32_LANES;
        }
        while width - at >= 2 * S::F32_LANES {
            add_columns::<S, 2>(simd, (c, width, at), a, b, 4 * block);
            at += 2 * S::F32_LANES;
        }
        while at < width {
            add_columns::<S, 1>(simd, (c, width, at), a, b, 4 * block);
            at += S::F32_LANES;
        }
    }
}

/// One register tile of [`add_transposed_product`], whose rows are columns of `a` from `from` on.
#[inline(always)]
fn add_columns<S: Simd, const N: usize>(
    simd: S,
    (c, width, at): (&mut [f32], usize, usize),
    a: Matrix<'_>,
    b: Matrix<'_>,
    from: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); N]; 4];
    for (sums, c) in sums.iter_mut().zip(c.chunks_exact(width)) {
        if let Some(c) = S::as_simd_f32s(&c[at..]).0.first_chunk::<N>() {
            *sums = *c;
        }
    }
    let pairs = a
        .values
        .chunks_exact(a.stride)
        .zip(b.values.chunks_exact(b.stride));
    for (a, b) in pairs {
        if let Some(a) = a[from..].first_chunk::<4>() {
            add_outer::<S, N>(simd, &mut sums, *a, &b[at..]);
        }
    }
    for (sums, c) in sums.iter().zip(c.chunks_exact_mut(width)) {
        store::<S, N>(&mut c[at..], sums);
    }
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

#[inline(always)]
fn store<S: Simd, const N: usize>(c: &mut [f32], sums: &[S::f32s; N]) {
    if let Some(c) = S::as_mut_simd_f32s(c).0.first_chunk_mut::<N>() {
        *c = *sums;
    }
}

/// `x W`, `[rows, tokens, out]`.
pub(super) fn packed_forward(x: FlexTensor, weight: &FlexQTensor) -> FlexTensor {
    times(x, widened(weight))
}

/// The gradient of `x`: that of the product times the transposed weight.
pub(super) fn packed_backward(dy: FlexTensor, weight: &FlexQTensor) -> FlexTensor {
    times(dy, Flex::float_transpose(widened(weight)))
}

/// A product of all tokens at once, `[rows, tokens, in]` times `[in, out]`.
fn times(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
    let ([rows, tokens, inputs], [_, outputs]) = (dims(&x), dims(&weight));
    let flat = Flex::float_reshape(x, Shape::new([rows * tokens, inputs]));
    let y = Flex::float_matmul(flat, weight);
    Flex::float_reshape(y, Shape::new([rows, tokens, outputs]))
}

/// The weight in f32, row-major.
fn widened(weight: &FlexQTensor) -> FlexTensor {
    let (values, scales) = (weight.tensor(), weight.scales());
    let shape: [usize; 2] = dims(values);
    let count = shape[0] * shape[1];
    let block = count / scales.len().max(1);
    // A block along a row lies in one piece of memory; other blocks are Burn's to widen.
    if !is_by_rows(weight, block, shape[1]) {
        return Flex::dequantize(weight.clone(), FloatDType::F32);
    }
    let mut wide = vec![0.0; count];
    let few = values.storage::<i8>();
    let rows = wide.par_chunks_mut(shape[1]).zip(few.par_chunks(shape[1]));
    let rows = rows.zip(scales.par_chunks(shape[1] / block));
    rows.for_each(|((wide, few), scales)| {
        let blocks = wide.chunks_mut(block).zip(few.chunks(block));
        for ((wide, few), scale) in blocks.zip(scales) {
            for (wide, few) in wide.iter_mut().zip(few) {
                *wide = f32::from(*few) * scale;
            }
        }
    });
    tensor(wide, shape)
}

/// Whether the weight lies row after row in blocks of `block` neighbours, each with one scale.
fn is_by_rows(weight: &FlexQTensor, block: usize, columns: usize) -> bool {
    let DType::QFloat(scheme) = weight.dtype() else {
        return false;
    };
    let along = scheme.block_size().is_some_and(|size| {
        let (along, across) = size
            .as_slice()
            .split_last()
            .map_or((0, &[][..]), |(a, b)| (*a, b));
        usize::from(along) == block && across.iter().all(|size| *size == 1)
    });
    let values = weight.tensor();
    let whole = values.storage::<i8>().len() == values.layout().num_elements();
    along
        && scheme.tensor_scale().is_none()
        && whole
        && values.layout().is_contiguous()
        && columns.is_multiple_of(block)
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
