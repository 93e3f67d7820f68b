//! The softmax of a row of attention scores, forward and backward.

use pulp::Simd;

use crate::flex::simd::{exp, sum, update};

/// Adds the mask to a row of scores and replaces them by exponentials; returns the row's maximum and the inverse of
/// the exponentials' sum.
#[inline(always)]
pub(super) fn softmax<S: Simd>(simd: S, scores: &mut [f32], mask: &[f32]) -> [f32; 2] {
    let scores = S::as_mut_simd_f32s(scores).0;
    let mut highest = simd.splat_f32s(f32::NEG_INFINITY);
    for (score, mask) in scores.iter_mut().zip(S::as_simd_f32s(mask).0) {
        *score = simd.add_f32s(*score, *mask);
        highest = simd.max_f32s(highest, *score);
    }
    let highest = simd.reduce_max_f32s(highest);
    let shift = simd.splat_f32s(highest);
    let mut total = simd.splat_f32s(0.0);
    for score in scores {
        *score = exp(simd, simd.sub_f32s(*score, shift));
        total = simd.add_f32s(total, *score);
    }
    [highest, simd.reduce_sum_f32s(total).recip()]
}

/// Replaces `scores` by `P`, and `dP` in `gradients` by `dS`.
#[inline(always)]
pub(super) fn softmax_backward<S: Simd>(
    simd: S,
    scores: &mut [f32],
    gradients: &mut [f32],
    mask: &[f32],
    [highest, inverse]: [f32; 2],
) {
    let (shift, scale) = (simd.splat_f32s(highest), simd.splat_f32s(inverse));
    update(
        simd,
        scores,
        mask,
        #[inline(always)]
        |score, mask| {
            let e = exp(simd, simd.sub_f32s(simd.add_f32s(score, mask), shift));
            simd.mul_f32s(e, scale)
        },
    );
    let along = sum(
        simd,
        scores,
        gradients,
        #[inline(always)]
        |p, dp| simd.mul_f32s(p, dp),
    );
    let whole = sum(
        simd,
        scores,
        scores,
        #[inline(always)]
        |p, _| p,
    );
    // Rounded weights do not add up to exactly 1. Where one weight is nearly 1, `dP - along` is as small as that
    // error, so it is divided out.
    let along = simd.splat_f32s(along / whole);
    update(
        simd,
        gradients,
        scores,
        #[inline(always)]
        |dp, p| simd.mul_f32s(p, simd.sub_f32s(dp, along)),
    );
}
