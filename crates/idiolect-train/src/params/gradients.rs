//! Walks over the gradients of a module's parameters: sums, multiples, squares.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor};

/// Adds gradients to a sum, in f32 whatever their type; a parameter's own are gone once they are added.
pub(crate) fn accumulate<M: Module>(
    module: &M,
    sum: &mut GradientsParams,
    mut more: GradientsParams,
) {
    let more = &mut more;
    module.visit(&mut Accumulate { sum, more });
}

struct Accumulate<'a> {
    sum: &'a mut GradientsParams,
    more: &'a mut GradientsParams,
}

impl ModuleVisitor for Accumulate<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(more) = self.more.remove::<D>(param.id) else {
            return;
        };
        let more = more.without_autodiff().cast(DType::F32);
        let sum = match self.sum.remove::<D>(param.id) {
            Some(sum) => sum + more,
            None => more,
        };
        self.sum.register(param.id, sum);
    }
}

/// Multiplies all gradients of the module's parameters by `scale`, each in its own type.
pub fn scale_gradients<M: Module>(module: &M, gradients: &mut GradientsParams, scale: f64) {
    module.visit(&mut Scale { gradients, scale });
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    scale: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients
                .register(param.id, gradient.mul_scalar(self.scale));
        }
    }
}

/// Sums of squares of each trained parameter's gradient over its last dimension, unread.
pub(crate) fn squares<M: Module>(module: &M, gradients: &GradientsParams) -> Vec<Tensor<1>> {
    let mut walk = Squares {
        gradients,
        sums: Vec::new(),
    };
    module.visit(&mut walk);
    walk.sums
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let sums = gradient.cast(DType::F32).square().sum_dim(D - 1);
            let count = sums.shape().num_elements();
            self.sums.push(sums.reshape([count]));
        }
    }
}
