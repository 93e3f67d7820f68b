//! Clipping by the global norm: one norm over all gradients, not one for each tensor.
//!
//! The formula is that of `torch.nn.utils.clip_grad_norm_`: all gradients are multiplied by
//! `max_norm / (norm + 1e-6)` where that is below 1.
//! Burn's own clipping by norm takes each tensor alone and is not used.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use crate::params;

/// Added to the norm before the division, as `clip_grad_norm_` does.
const NORM_EPSILON: f64 = 1e-6;

/// The global L2 norm of all gradients of the module's parameters.
///
/// Squares are summed over the last dimension on the device in f32, the rest in f64 on the host.
/// It is not finite where a gradient is not.
#[must_use]
pub fn global_norm<M: Module>(module: &M, gradients: &GradientsParams) -> f64 {
    let squares = params::squares(module, gradients);
    if squares.is_empty() {
        return 0.0;
    }
    // One read for all parameters: on a GPU each read waits for the device.
    let sums = Tensor::cat(squares, 0).into_data();
    sums.iter::<f32>().map(f64::from).sum::<f64>().sqrt()
}

/// Scales all gradients so that their global norm is at most `max_norm` (0: no limit) and
/// returns the norm before that.
pub fn clip_by_global_norm<M: Module>(
    module: &M,
    gradients: &mut GradientsParams,
    max_norm: f64,
) -> f64 {
    let norm = global_norm(module, gradients);
    let scale = max_norm / (norm + NORM_EPSILON);
    if max_norm > 0.0 && scale < 1.0 {
        params::scale_gradients(module, gradients, scale);
    }
    norm
}
