//! Cross-entropy of rows of logits, and its gradient, which replaces the logits.

use burn_flex::FlexTensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::buffer::{dense, dims, values};
use super::simd::exp;

/// What [`gradients`] returns.
pub(super) struct RowGradients {
    /// Losses of the rows in nats.
    pub(super) nll: Vec<f32>,
    /// `(softmax - onehot) * scale`, `[rows, vocab]`.
    pub(super) gradient: FlexTensor,
}

/// Losses of the rows, and their gradients in the memory of the logits where nothing else owns it.
pub(super) fn gradients(logits: FlexTensor, targets: &[i64], scale: f32) -> RowGradients {
    let [_, vocab] = dims::<2>(&logits);
    let mut logits = dense(logits);
    let rows = logits
        .storage_mut::<f32>()
        .par_chunks_exact_mut(vocab.max(1));
    let rows = rows.zip(targets.par_iter());
    let nll = rows
        .map(|(row, &target)| Arch::new().dispatch(Gradient { row, target, scale }))
        .collect();
    RowGradients {
        nll,
        gradient: logits,
    }
}

/// Losses of the rows; the logits are only read.
pub(super) fn losses(logits: FlexTensor, targets: &[i64]) -> Vec<f32> {
    let [_, vocab] = dims::<2>(&logits);
    let logits = dense(logits);
    let rows = values(&logits)
        .par_chunks_exact(vocab.max(1))
        .zip(targets.par_iter());
    rows.map(|(row, &target)| Arch::new().dispatch(Loss { row, target }))
        .collect()
}

/// The index of an id; for a negative one, an index that nothing has.
pub(super) fn index(target: i64) -> usize {
    usize::try_from(target).unwrap_or(usize::MAX)
}

#[inline(always)]
fn maximum<S: Simd>(simd: S, row: &[f32]) -> f32 {
    let (body, tail) = S::as_simd_f32s(row);
    let mut highest = simd.splat_f32s(f32::NEG_INFINITY);
    for value in body {
        highest = simd.max_f32s(highest, *value);
    }
    tail.iter()
        .copied()
        .fold(simd.reduce_max_f32s(highest), f32::max)
}

struct Gradient<'a> {
    row: &'a mut [f32],
    target: i64,
    scale: f32,
}

impl WithSimd for Gradient<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let Self { row, target, scale } = self;
        let highest = maximum(simd, row);
        let chosen = row[index(target)] - highest;
        let shift = simd.splat_f32s(highest);
        let mut total = simd.splat_f32s(0.0);
        let (body, tail) = S::as_mut_simd_f32s(row);
        for value in body {
            *value = exp(simd, simd.sub_f32s(*value, shift));
            total = simd.add_f32s(total, *value);
        }
        let last = exp(simd, simd.sub_f32s(simd.partial_load_f32s(tail), shift));
        simd.partial_store_f32s(tail, last);
        let total = simd.reduce_sum_f32s(total) + tail.iter().sum::<f32>();
        let factor = simd.splat_f32s(scale / total);
        let (body, tail) = S::as_mut_simd_f32s(row);
        for value in body {
            *value = simd.mul_f32s(*value, factor);
        }
        for value in tail {
            *value *= scale / total;
        }
        row[index(target)] -= scale;
        total.ln() - chosen
    }
}

struct Loss<'a> {
    row: &'a [f32],
    target: i64,
}

impl WithSimd for Loss<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let Self { row, target } = self;
        let highest = maximum(simd, row);
        let shift = simd.splat_f32s(highest);
        let mut total = simd.splat_f32s(0.0);
        let (body, tail) = S::as_simd_f32s(row);
        for value in body {
            total = simd.add_f32s(total, exp(simd, simd.sub_f32s(*value, shift)));
        }
        // No vector is wider than 16 lanes.
        let mut last = [0.0; 16];
        let last = &mut last[..tail.len()];
        let tail = exp(simd, simd.sub_f32s(simd.partial_load_f32s(tail), shift));
        simd.partial_store_f32s(last, tail);
        let total = simd.reduce_sum_f32s(total) + last.iter().sum::<f32>();
        total.ln() - (row[index(target)] - highest)
    }
}
