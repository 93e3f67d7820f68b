//! A moving average of a module's trained parameters.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor};

use super::replace;

/// The average moved by `rate` towards the parameters of a module: `(1 - rate) average + rate parameter`, each by
/// itself, in f32.
pub(crate) fn averaged<M: Module>(average: M, module: &M, rate: f64) -> M {
    let mut walk = Now(Vec::new());
    module.visit(&mut walk);
    average.map(&mut Move {
        now: walk.0.into_iter(),
        rate,
    })
}

/// The trained parameters, each as one row of numbers, in the module's own order.
struct Now(Vec<Tensor<1>>);

impl ModuleVisitor for Now {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            let value = param.val().without_autodiff().cast(DType::F32);
            let count = value.shape().num_elements();
            self.0.push(value.reshape([count]));
        }
    }
}

struct Move {
    now: std::vec::IntoIter<Tensor<1>>,
    rate: f64,
}

impl ModuleMapper for Move {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.is_require_grad() {
            return param;
        }
        let Some(now) = self.now.next() else {
            return param;
        };
        let rate = self.rate;
        replace(param, |old| {
            let (dtype, now) = (old.dtype(), now.reshape(old.shape()));
            let moved = old.cast(DType::F32) * (1.0 - rate) + now * rate;
            moved.cast(dtype)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's own file")]
mod tests {
    use burn::tensor::{Device, TensorData};
    use idiolect_testkit::Tensors;

    use super::*;

    #[derive(Module, Debug)]
    struct Pair {
        a: Param<Tensor<2>>,
        b: Param<Tensor<2>>,
    }

    /// The factors after so many steps.
    fn pair(tensors: &Tensors, start: &str, step: usize) -> Pair {
        let param = |name: &str| {
            let (shape, values) = tensors.f64(&format!("ema.{start}_{name}")).unwrap();
            let size = shape[1] * shape[2];
            let values = values[step * size..][..size].to_vec();
            let device = Device::flex().autodiff();
            let data = TensorData::new(values, [shape[1], shape[2]]);
            Param::from_tensor(Tensor::from_data(data, (&device, DType::F32)))
        };
        Pair {
            a: param("A"),
            b: param("B"),
        }
    }

    fn values(pair: &Pair) -> Vec<f32> {
        let both = [&pair.a, &pair.b].map(|part| part.val().without_autodiff().into_data());
        both.iter()
            .flat_map(|data| data.iter::<f32>().collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn an_average_that_starts_as_the_student_goes_as_trls() {
        let Some(shared) = idiolect_testkit::shared() else {
            return;
        };
        let tensors = Tensors::read(&shared.join("oracles/onpolicy/ema.safetensors")).unwrap();
        for rate in [0.01, 0.05] {
            let mut average = pair(&tensors, "student", 0);
            for step in 0..4 {
                if step > 0 {
                    average = averaged(average, &pair(&tensors, "student", step), rate);
                }
                let teacher = format!("student_copy.rate_{rate}.teacher");
                let expected = values(&pair(&tensors, &teacher, step));
                idiolect_testkit::assert_close(&teacher, &values(&average), &expected, 1e-7);
                assert!(average.a.is_require_grad());
            }
        }
    }
}
