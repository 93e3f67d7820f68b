//! The softmax of rows of attention scores over the keys that each query sees, and its gradient.
//!
//! With `P = softmax(scale S)` and its gradient `dP`: `dS = scale P (dP - rowsum(P dP) / rowsum(P))`. A row is read
//! three times and written once, in its own memory where nothing else owns it; keys that are not seen are only
//! written.

use burn::backend::TensorMetadata;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::ir::ElemType;
use cubecl::prelude::*;

use super::launch::{cubes, element, output_of, units};
use super::row_sum::{largest, sum};

/// `softmax(scale scores)`, `[rows, heads, queries, keys]`; `visible` is `[rows or 1, queries, 2]`.
pub(super) fn forward(scores: CubeTensor, visible: CubeTensor, scale: f64) -> CubeTensor {
    let (scores, visible) = (into_contiguous(scores), into_contiguous(visible));
    let [rows, heads, queries, keys] = scores.shape().dims();
    let units = units(&scores, keys);
    let (client, count) = (
        scores.client.clone(),
        cubes(&scores, rows * heads * queries),
    );
    let (element, output) = (element(&scores), output_of(&scores));
    let out = output.argument(0);
    softmax_rows::launch(
        &client,
        count,
        CubeDim::new_1d(units),
        scores.into_tensor_arg(),
        visible.into_tensor_arg(),
        out,
        small(scale),
        units,
        element,
    );
    output.tensor
}

/// The gradient of the scores.
pub(super) fn backward(p: CubeTensor, dp: CubeTensor, scale: f64) -> CubeTensor {
    let (p, dp) = (into_contiguous(p), into_contiguous(dp));
    let [rows, heads, queries, keys] = p.shape().dims();
    let units = units(&p, keys);
    let (client, count) = (p.client.clone(), cubes(&p, rows * heads * queries));
    let (element, output) = (element(&p), output_of(&dp));
    let out = output.argument(1);
    softmax_rows_backward::launch(
        &client,
        count,
        CubeDim::new_1d(units),
        p.into_tensor_arg(),
        dp.into_tensor_arg(),
        out,
        small(scale),
        units,
        element,
    );
    output.tensor
}

#[allow(clippy::cast_possible_truncation)] // kernels compute in f32
fn small(scale: f64) -> f32 {
    scale as f32
}

#[cube(launch)]
pub(super) fn softmax_rows<F: Float>(
    scores: &Tensor<F>,
    visible: &Tensor<i32>,
    out: &mut Tensor<F>,
    scale: f32,
    #[comptime] units: u32,
    #[define(F)] _element: ElemType,
) {
    let (heads, queries, keys) = (scores.shape(1), scores.shape(2), scores.shape(3));
    let row = CUBE_POS;
    if row >= scores.shape(0) * heads * queries {
        terminate!();
    }
    let mut of_rows = row / (heads * queries);
    if visible.shape(0) == 1 {
        of_rows = 0;
    }
    let bounds = (of_rows * queries + row % queries) * 2;
    let first = u32::cast_from(visible[bounds]) as usize;
    let end = u32::cast_from(visible[bounds + 1]) as usize;
    let start = row * keys;
    let step = CUBE_DIM as usize;
    let mut shared = Shared::new_slice(units as usize);

    let mut most = f32::new(-3.0e38);
    let mut key = first + UNIT_POS as usize;
    while key < end {
        most = f32::max(most, f32::cast_from(scores[start + key]) * scale);
        key += step;
    }
    let most = largest(most, &mut shared);

    let mut total = f32::new(0.0);
    let mut key = first + UNIT_POS as usize;
    while key < end {
        total += (f32::cast_from(scores[start + key]) * scale - most).exp();
        key += step;
    }
    let total = sum(total, &mut shared);

    let mut key = UNIT_POS as usize;
    while key < keys {
        let mut weight = f32::new(0.0);
        if key >= first && key < end {
            weight = (f32::cast_from(scores[start + key]) * scale - most).exp() / total;
        }
        out[start + key] = F::cast_from(weight);
        key += step;
    }
}

#[cube(launch)]
pub(super) fn softmax_rows_backward<F: Float>(
    p: &Tensor<F>,
    dp: &Tensor<F>,
    out: &mut Tensor<F>,
    scale: f32,
    #[comptime] units: u32,
    #[define(F)] _element: ElemType,
) {
    let keys = p.shape(3);
    let row = CUBE_POS;
    if row >= p.shape(0) * p.shape(1) * p.shape(2) {
        terminate!();
    }
    let start = row * keys;
    let step = CUBE_DIM as usize;
    let mut shared = Shared::new_slice(units as usize);

    let mut along = f32::new(0.0);
    let mut whole = f32::new(0.0);
    let mut key = UNIT_POS as usize;
    while key < keys {
        let weight = f32::cast_from(p[start + key]);
        along += weight * f32::cast_from(dp[start + key]);
        whole += weight;
        key += step;
    }
    // Rounded weights do not add up to exactly 1. Where one weight is nearly 1, `dP - along` is as small as that
    // error, so it is divided out.
    let along = sum(along, &mut shared);
    let whole = sum(whole, &mut shared);
    let along = along / whole;

    let mut key = UNIT_POS as usize;
    while key < keys {
        let weight = f32::cast_from(p[start + key]);
        let gradient = weight * (f32::cast_from(dp[start + key]) - along) * scale;
        out[start + key] = F::cast_from(gradient);
        key += step;
    }
}
