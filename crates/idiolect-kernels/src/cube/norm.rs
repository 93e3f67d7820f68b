//! Root-mean-square norm and the gradient of its input, a row a cube.
//!
//! With `i = 1 / sqrt(mean(x^2) + eps)` and `h = dy * scale`: `dx = i (h - x i^2 mean(x h))`. A row is read twice and
//! written once.

use burn::backend::TensorMetadata;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::ir::ElemType;
use cubecl::prelude::*;

use super::launch::{cubes, element, empty, output_of, units};
use super::row_sum::sum;

/// `x / sqrt(mean(x^2) + eps) * scale`.
pub(super) fn forward(x: CubeTensor, scale: CubeTensor, eps: f64) -> CubeTensor {
    let (x, scale) = (into_contiguous(x), into_contiguous(scale));
    let [rows, tokens, width] = x.shape().dims();
    let (client, units) = (x.client.clone(), units(&x, width));
    let (count, out) = (cubes(&x, rows * tokens), empty(&x, x.shape(), x.dtype()));
    let elements = [element(&x), element(&scale)];
    norm_rows::launch(
        &client,
        count,
        CubeDim::new_1d(units),
        x.into_tensor_arg(),
        scale.into_tensor_arg(),
        out.clone().into_tensor_arg(),
        small(eps),
        units,
        elements,
    );
    out
}

/// The gradient of `x`, in the memory of `dy` where nothing else owns it.
pub(super) fn backward(dy: CubeTensor, x: CubeTensor, scale: CubeTensor, eps: f64) -> CubeTensor {
    let (dy, x, scale) = (
        into_contiguous(dy),
        into_contiguous(x),
        into_contiguous(scale),
    );
    let [rows, tokens, width] = x.shape().dims();
    let (client, units) = (x.client.clone(), units(&x, width));
    let (count, output) = (cubes(&x, rows * tokens), output_of(&dy));
    let (elements, out) = ([element(&x), element(&scale)], output.argument(0));
    norm_rows_backward::launch(
        &client,
        count,
        CubeDim::new_1d(units),
        dy.into_tensor_arg(),
        x.into_tensor_arg(),
        scale.into_tensor_arg(),
        out,
        small(eps),
        units,
        elements,
    );
    output.tensor
}

/// A constant of a model's configuration: f32 holds it as well as f64.
#[allow(clippy::cast_possible_truncation)]
fn small(eps: f64) -> f32 {
    eps as f32
}

#[cube(launch)]
pub(super) fn norm_rows<F: Float, S: Float>(
    x: &Tensor<F>,
    scale: &Tensor<S>,
    out: &mut Tensor<F>,
    eps: f32,
    #[comptime] units: u32,
    #[define(F, S)] _elements: [ElemType; 2],
) {
    let width = x.shape(2);
    let row = CUBE_POS;
    if row >= x.shape(0) * x.shape(1) {
        terminate!();
    }
    let start = row * width;
    let step = CUBE_DIM as usize;
    let mut shared = Shared::new_slice(units as usize);

    let mut squares = f32::new(0.0);
    let mut at = UNIT_POS as usize;
    while at < width {
        let value = f32::cast_from(x[start + at]);
        squares += value * value;
        at += step;
    }
    let squares = sum(squares, &mut shared);
    let inverse = 1.0 / (squares / width as f32 + eps).sqrt();

    let mut at = UNIT_POS as usize;
    while at < width {
        // Rounded to the type of `x` before the scale, as in the composition.
        let normed = F::cast_from(f32::cast_from(x[start + at]) * inverse);
        let scaled = f32::cast_from(normed) * f32::cast_from(scale[at]);
        out[start + at] = F::cast_from(scaled);
        at += step;
    }
}

#[cube(launch)]
pub(super) fn norm_rows_backward<F: Float, S: Float>(
    dy: &Tensor<F>,
    x: &Tensor<F>,
    scale: &Tensor<S>,
    out: &mut Tensor<F>,
    eps: f32,
    #[comptime] units: u32,
    #[define(F, S)] _elements: [ElemType; 2],
) {
    let width = x.shape(2);
    let row = CUBE_POS;
    if row >= x.shape(0) * x.shape(1) {
        terminate!();
    }
    let start = row * width;
    let step = CUBE_DIM as usize;
    let mut shared = Shared::new_slice(units as usize);

    let mut squares = f32::new(0.0);
    let mut along = f32::new(0.0);
    let mut at = UNIT_POS as usize;
    while at < width {
        let value = f32::cast_from(x[start + at]);
        let scaled = f32::cast_from(dy[start + at]) * f32::cast_from(scale[at]);
        squares += value * value;
        along += value * scaled;
        at += step;
    }
    let squares = sum(squares, &mut shared);
    let along = sum(along, &mut shared);
    let inverse = 1.0 / (squares / width as f32 + eps).sqrt();
    let back = inverse * inverse * along / width as f32;

    let mut at = UNIT_POS as usize;
    while at < width {
        let scaled = f32::cast_from(dy[start + at]) * f32::cast_from(scale[at]);
        let gradient = inverse * (scaled - f32::cast_from(x[start + at]) * back);
        out[start + at] = F::cast_from(gradient);
        at += step;
    }
}
