//! Parameters that are not where they began, so that a test sees what they do.

use burn::module::{ModuleMapper, Param};
use burn::tensor::Tensor;

/// Moves every parameter of a module by a little, each by another amount; holds the number of those moved.
#[derive(Debug, Clone, Copy)]
pub struct Nudge(pub f64);

impl ModuleMapper for Nudge {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.0 += 1.0;
        let by = 0.02 * self.0.sin();
        param.map(|value| {
            let taped = value.is_autodiff();
            let moved = value.without_autodiff() * (1.0 + by) + by;
            if taped {
                moved.autodiff().require_grad()
            } else {
                moved
            }
        })
    }
}
