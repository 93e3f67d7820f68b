//! A step on the device compared with the plain one in f64, in each type that the device computes in.

use burn::tensor::{DType, Device, Tensor};
use idiolect_testkit::{bound, device};

use crate::support::{Inputs, close, random, tracked};

/// A type, and the most that a step in it may differ from f64 for the same inputs, of the largest value.
///
/// TF32, in which CUDA may multiply f32, has the mantissa of f16, and where it is cut and not rounded twice its error.
pub(super) fn types() -> [(DType, f64); 3] {
    let f32 = bound(1e-5, 8e-3);
    [(DType::F32, f32), (DType::F16, 4e-3), (DType::BF16, 3e-2)]
}

/// Compares the value and the gradients of a step on the device with those of the plain one.
pub(super) fn holds<const A: usize, const B: usize, const C: usize, const D: usize>(
    name: &str,
    inputs: &Inputs<A, B, C>,
    step: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<D>,
    plain: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<D>,
) {
    let device = device().unwrap();
    for (dtype, bound) in types() {
        if !device.supports_dtype(dtype) {
            continue;
        }
        let name = format!("{name} in {dtype:?}");
        let (a, b, c) = (
            moved(&inputs.0, &device, dtype),
            moved(&inputs.1, &device, dtype),
            moved(&inputs.2, &device, dtype),
        );
        // The reference has the inputs as the type has rounded them.
        let rounded = (exact(&a), exact(&b), exact(&c));
        let shape = plain(rounded.0.clone(), rounded.1.clone(), rounded.2.clone()).dims();
        let upstream = moved(&random(shape, 77), &device, dtype);
        let expected = tracked(rounded, &exact(&upstream), &plain);
        let untracked = step(a.clone(), b.clone(), c.clone());
        let found = tracked((a, b, c), &upstream, &step);
        assert_eq!(found.0.dtype(), dtype, "{name}");
        close(&name, &exact(&untracked), &expected.0, bound);
        close(&name, &exact(&found.0), &expected.0, bound);
        gradient(
            &format!("{name}, first gradient"),
            found.1,
            expected.1,
            bound,
        );
        gradient(
            &format!("{name}, second gradient"),
            found.2,
            expected.2,
            bound,
        );
        gradient(
            &format!("{name}, third gradient"),
            found.3,
            expected.3,
            bound,
        );
    }
}

fn gradient<const D: usize>(
    name: &str,
    found: Option<Tensor<D>>,
    expected: Option<Tensor<D>>,
    bound: f64,
) {
    assert_eq!(found.is_some(), expected.is_some(), "{name}");
    if let (Some(found), Some(expected)) = (found, expected) {
        close(name, &exact(&found), &expected, bound);
    }
}

pub(super) fn moved<const D: usize>(x: &Tensor<D>, device: &Device, dtype: DType) -> Tensor<D> {
    Tensor::from_data(x.to_data(), (device, dtype))
}

/// The tensor in f64 on the CPU.
pub(super) fn exact<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    moved(x, &Device::flex(), DType::F64)
}
