//! Steps over tensors in bf16: the numbers of f32, rounded once.

use burn::tensor::{DType, Tensor};
use idiolect_kernels::{cast, rms_norm, swiglu};

use crate::support::{Inputs, random, tracked};

/// Shapes of less than a part of a step, of several, and of rows that end within a vector.
const SHAPES: [[usize; 3]; 4] = [[1, 1, 1], [2, 3, 20], [3, 7, 576], [1, 2, 5000]];

fn half<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    x.clone().cast(DType::BF16)
}

fn wide<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.cast(DType::F32)
}

/// Whether a tensor in bf16 is one in f32, rounded.
fn rounded<const D: usize>(name: &str, found: &Tensor<D>, expected: &Tensor<D>) {
    assert_eq!(found.dtype(), DType::BF16, "{name}");
    let expected = half(expected).into_data();
    assert_eq!(found.to_data(), expected, "{name}");
}

/// Whether the value and the gradients of both inputs in bf16 are those in f32, rounded, and the inputs as before.
fn same((a, b, c): Inputs<3, 3, 1>, step: impl Fn(Tensor<3>, Tensor<3>, Tensor<1>) -> Tensor<3>) {
    let inputs = (half(&a), half(&b), half(&c));
    let upstream = half(&random(a.dims(), 77));
    let of_f32 = (
        wide(inputs.0.clone()),
        wide(inputs.1.clone()),
        wide(inputs.2.clone()),
    );
    let before = inputs.0.to_data();
    let expected = tracked(of_f32, &wide(upstream.clone()), &step);
    let found = tracked(inputs.clone(), &upstream, &step);
    rounded("value", &found.0, &expected.0);
    assert!(found.1.is_some() && found.2.is_some() == expected.2.is_some());
    for (found, expected) in found.1.iter().zip(&expected.1) {
        rounded("first gradient", found, expected);
    }
    for (found, expected) in found.2.iter().zip(&expected.2) {
        rounded("second gradient", found, expected);
    }
    assert_eq!(inputs.0.to_data(), before);
    let owned = half(&wide(inputs.0));
    rounded("in place", &step(owned, inputs.1, inputs.2), &expected.0);
}

#[test]
fn the_gated_unit_is_that_of_f32_rounded_once() {
    for shape in SHAPES {
        let inputs = (random(shape, 1), random(shape, 2), random([1], 3));
        same(inputs, |gate, up, _| swiglu(gate, up));
    }
}

#[test]
fn a_norm_without_a_scale_is_that_of_f32_rounded_once() {
    for shape in SHAPES {
        let inputs = (random(shape, 1), random([1, 1, 1], 2), random([1], 3));
        same(inputs, |x, _, _| {
            let [_, _, width] = x.dims();
            let ones = Tensor::<1>::ones([width], &x.device().inner()).cast(x.dtype());
            rms_norm(x, ones, 1e-5)
        });
    }
}

/// The gradient beside a scale that is not 1, where nothing is rounded but the result.
#[test]
fn the_gradient_of_a_norm_is_that_of_f32_rounded_once() {
    for shape in SHAPES {
        let (x, scale) = (half(&random(shape, 1)), half(&random([shape[2]], 2)));
        let upstream = half(&random(shape, 77));
        let gradient = |x: Tensor<3>, scale: Tensor<1>, upstream: Tensor<3>| {
            let x = x.autodiff().require_grad();
            let y = rms_norm(x.clone(), scale.autodiff(), 1e-5);
            x.grad(&(y * upstream.autodiff()).sum().backward())
        };
        let expected = gradient(wide(x.clone()), wide(scale.clone()), wide(upstream.clone()));
        let found = gradient(x, scale, upstream);
        assert!(found.is_some() && expected.is_some());
        for (found, expected) in found.iter().zip(&expected) {
            rounded("gradient", found, expected);
        }
    }
}

/// As Hugging Face's models do: `weight * hidden.to(bf16)`.
#[test]
fn a_norm_is_rounded_before_it_is_scaled() {
    let (x, scale) = (half(&random([2, 3, 576], 1)), half(&random([576], 2)));
    let ones = Tensor::<1>::ones([576], &x.device()).cast(DType::BF16);
    let normed = wide(rms_norm(x.clone(), ones, 1e-5));
    let expected = normed * wide(scale.clone()).reshape([1, 1, 576]);
    rounded("scaled", &rms_norm(x, scale, 1e-5), &expected);
}

#[test]
fn a_cast_is_burns() {
    for count in [1, 31, 4096, 70_000] {
        let x: Tensor<1> = random([count], 5);
        let narrow = cast(x.clone(), DType::BF16);
        assert_eq!(narrow.to_data(), half(&x).to_data());
        assert_eq!(
            cast(narrow.clone(), DType::F32).to_data(),
            wide(narrow).to_data()
        );
        assert_eq!(
            cast(x.clone(), DType::F16).to_data(),
            x.cast(DType::F16).to_data()
        );
    }
}
