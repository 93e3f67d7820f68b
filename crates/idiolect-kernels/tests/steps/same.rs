//! Two functions compared on the CPU: values, and the gradients of all inputs.

use burn::tensor::{DType, Device, Tensor};

use crate::support::{Inputs, close, random, tracked};

/// Most that a fused step may differ from the plain one, of the largest value.
pub(crate) const BOUND: f64 = 1e-6;

pub(crate) fn device() -> Device {
    Device::flex()
}

/// A copy that nothing else owns.
fn own<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    Tensor::from_data(x.to_data(), &x.device())
}

/// Compares the value and the gradients of all inputs of two functions.
pub(crate) fn same<const A: usize, const B: usize, const C: usize, const D: usize>(
    inputs: Inputs<A, B, C>,
    fused: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<D>,
    plain: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<D>,
) {
    same_in(DType::F32, inputs, fused, plain);
}

/// As [`same`], with the second function computed in `dtype`: in f64 only the first one's rounding counts.
pub(crate) fn same_in<const A: usize, const B: usize, const C: usize, const D: usize>(
    dtype: DType,
    (a, b, c): Inputs<A, B, C>,
    fused: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<D>,
    plain: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<D>,
) {
    let untracked = fused(a.clone(), b.clone(), c.clone());
    let in_place = fused(own(&a), own(&b), own(&c));
    let upstream = random(untracked.dims(), 77);
    let cast = (
        a.clone().cast(dtype),
        b.clone().cast(dtype),
        c.clone().cast(dtype),
    );
    let expected = tracked(cast, &upstream.clone().cast(dtype), plain);
    let found = tracked((a, b, c), &upstream, fused);
    for (name, found) in [
        ("untracked", untracked),
        ("in place", in_place),
        ("value", found.0),
    ] {
        close(name, &found, &expected.0, BOUND);
    }
    gradient("first gradient", found.1, expected.1);
    gradient("second gradient", found.2, expected.2);
    gradient("third gradient", found.3, expected.3);
}

pub(crate) fn gradient<const D: usize>(
    name: &str,
    found: Option<Tensor<D>>,
    expected: Option<Tensor<D>>,
) {
    match (found, expected) {
        (Some(found), Some(expected)) => close(name, &found, &expected, BOUND),
        (None, None) => {}
        (found, expected) => assert_eq!(found.is_some(), expected.is_some(), "{name}"),
    }
}
