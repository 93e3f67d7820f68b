//! The cross-entropy of rows of logits, a row a cube, and its gradient, in the memory of the logits where nothing else
//! owns it.
//!
//! With `p = softmax(z)`: `nll = logsumexp(z) - z[target]` and `dz = (p - onehot(target)) * scale`. A row is read twice,
//! a third time where the gradient is written.

use burn::backend::TensorMetadata;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::ir::ElemType;
use cubecl::prelude::*;

use super::launch::{cubes, element, empty, output_of, units};
use super::row_sum::{largest, sum};
use crate::extension::backend::RowLosses;

/// The loss of each row in f32, and the gradient of its logits in their type.
#[allow(clippy::cast_possible_truncation)] // kernels compute in f32
pub(super) fn with_gradient(
    logits: CubeTensor,
    targets: CubeTensor,
    scale: f64,
) -> RowLosses<CubeBackend> {
    let (logits, targets) = (into_contiguous(logits), into_contiguous(targets));
    let [rows, vocab] = logits.shape().dims();
    let (client, units) = (logits.client.clone(), units(&logits, vocab));
    let (count, element) = (cubes(&logits, rows), element(&logits));
    let nll = empty(&logits, Shape::new([rows]), DType::F32);
    let output = output_of(&logits);
    let out = output.argument(0);
    row_losses_and_gradients::launch(
        &client,
        count,
        CubeDim::new_1d(units),
        logits.into_tensor_arg(),
        targets.into_tensor_arg(),
        nll.clone().into_tensor_arg(),
        out,
        scale as f32,
        units,
        element,
    );
    RowLosses {
        nll,
        gradient: output.tensor,
    }
}

/// The loss of each row in f32.
pub(super) fn alone(logits: CubeTensor, targets: CubeTensor) -> CubeTensor {
    let (logits, targets) = (into_contiguous(logits), into_contiguous(targets));
    let [rows, vocab] = logits.shape().dims();
    let (client, units) = (logits.client.clone(), units(&logits, vocab));
    let (count, element) = (cubes(&logits, rows), element(&logits));
    let nll = empty(&logits, Shape::new([rows]), DType::F32);
    row_losses::launch(
        &client,
        count,
        CubeDim::new_1d(units),
        logits.into_tensor_arg(),
        targets.into_tensor_arg(),
        nll.clone().into_tensor_arg(),
        units,
        element,
    );
    nll
}

/// `logsumexp` of the row that begins at `start`, for each unit of its cube.
#[cube]
fn log_sum_exp<F: Float>(logits: &Tensor<F>, start: usize, shared: &mut Shared<[f32]>) -> f32 {
    let vocab = logits.shape(1);
    let step = CUBE_DIM as usize;
    let mut most = f32::new(-3.0e38);
    let mut at = UNIT_POS as usize;
    while at < vocab {
        most = f32::max(most, f32::cast_from(logits[start + at]));
        at += step;
    }
    let most = largest(most, shared);
    let mut total = f32::new(0.0);
    let mut at = UNIT_POS as usize;
    while at < vocab {
        total += (f32::cast_from(logits[start + at]) - most).exp();
        at += step;
    }
    most + sum(total, shared).ln()
}

#[cube(launch)]
fn row_losses<F: Float>(
    logits: &Tensor<F>,
    targets: &Tensor<i32>,
    nll: &mut Tensor<f32>,
    #[comptime] units: u32,
    #[define(F)] _element: ElemType,
) {
    let row = CUBE_POS;
    if row >= logits.shape(0) {
        terminate!();
    }
    let start = row * logits.shape(1);
    let mut shared = Shared::new_slice(units as usize);
    let whole = log_sum_exp::<F>(logits, start, &mut shared);
    if UNIT_POS == 0 {
        let target = u32::cast_from(targets[row]) as usize;
        nll[row] = whole - f32::cast_from(logits[start + target]);
    }
}

#[cube(launch)]
fn row_losses_and_gradients<F: Float>(
    logits: &Tensor<F>,
    targets: &Tensor<i32>,
    nll: &mut Tensor<f32>,
    gradient: &mut Tensor<F>,
    scale: f32,
    #[comptime] units: u32,
    #[define(F)] _element: ElemType,
) {
    let row = CUBE_POS;
    if row >= logits.shape(0) {
        terminate!();
    }
    let vocab = logits.shape(1);
    let start = row * vocab;
    let mut shared = Shared::new_slice(units as usize);
    let target = u32::cast_from(targets[row]) as usize;
    // Before any unit overwrites it.
    let chosen = f32::cast_from(logits[start + target]);
    let whole = log_sum_exp::<F>(logits, start, &mut shared);
    if UNIT_POS == 0 {
        nll[row] = whole - chosen;
    }
    let mut at = UNIT_POS as usize;
    while at < vocab {
        let mut value = (f32::cast_from(logits[start + at]) - whole).exp();
        if at == target {
            value -= 1.0;
        }
        gradient[start + at] = F::cast_from(value * scale);
        at += CUBE_DIM as usize;
    }
}
