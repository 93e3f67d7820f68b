//! What the tests share: reproducible tensors, and two functions compared.

use burn::tensor::{DType, Device, Tensor, TensorData};

/// Most that a fused step may differ from the plain one, of the largest value.
pub(crate) const BOUND: f64 = 1e-6;

pub(crate) fn device() -> Device {
    Device::flex()
}

/// Reproducible normal values.
pub(crate) fn random<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0)
        .collect();
    Tensor::from_data(TensorData::new(values, shape), &device())
}

/// Whether two tensors differ by at most `bound` of the largest value expected.
pub(crate) fn close<const D: usize>(
    name: &str,
    found: &Tensor<D>,
    expected: &Tensor<D>,
    bound: f64,
) {
    assert_eq!(found.dims(), expected.dims(), "{name}");
    let found: Vec<f64> = found.clone().into_data().iter::<f64>().collect();
    let expected: Vec<f64> = expected.clone().into_data().iter::<f64>().collect();
    let largest = expected
        .iter()
        .fold(1e-3_f64, |most, value| most.max(value.abs()));
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let difference = (found - expected).abs();
        assert!(
            difference <= bound * largest,
            "{name}: {found} at {at}, expected {expected}, largest {largest}"
        );
    }
}

/// A copy that nothing else owns.
fn own<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    Tensor::from_data(x.to_data(), &x.device())
}

/// Three inputs of a step; one that a step does not have is a single number.
type Inputs<const A: usize, const B: usize, const C: usize> = (Tensor<A>, Tensor<B>, Tensor<C>);

/// A value, and the gradients of those inputs that it depends on.
type Found<const A: usize, const B: usize, const C: usize, const D: usize> = (
    Tensor<D>,
    Option<Tensor<A>>,
    Option<Tensor<B>>,
    Option<Tensor<C>>,
);

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

/// Runs a function with all its inputs tracked, and backward from `gradient`.
fn tracked<const A: usize, const B: usize, const C: usize, const D: usize>(
    (a, b, c): Inputs<A, B, C>,
    gradient: &Tensor<D>,
    function: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<D>,
) -> Found<A, B, C, D> {
    let (a, b, c) = (
        a.autodiff().require_grad(),
        b.autodiff().require_grad(),
        c.autodiff().require_grad(),
    );
    let value = function(a.clone(), b.clone(), c.clone());
    let tape = (value.clone() * gradient.clone().autodiff())
        .sum()
        .backward();
    (value.inner(), a.grad(&tape), b.grad(&tape), c.grad(&tape))
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

/// A causal mask after `past` keys, in which row `r` also hides its first `pads[r]` keys.
pub(crate) fn mask(pads: &[usize], tokens: usize, past: usize) -> Tensor<4> {
    let keys = past + tokens;
    let mut values = Vec::new();
    for pad in pads {
        for query in past..keys {
            values.extend((0..keys).map(|key| {
                if key < *pad || key > query {
                    -1e30_f32
                } else {
                    0.0
                }
            }));
        }
    }
    Tensor::from_data(
        TensorData::new(values, [pads.len(), 1, tokens, keys]),
        &device(),
    )
}
