//! The kernels of the head's loss.

use cubecl::ir::ElemType;
use cubecl::prelude::*;

use crate::cube::row_sum::{largest, sum};

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
pub(in crate::cube) fn row_losses<F: Float>(
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
pub(in crate::cube) fn row_losses_and_gradients<F: Float>(
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
