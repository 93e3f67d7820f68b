//! What the tests share: reproducible tensors, a function with its gradients, and what queries see.

use burn::tensor::{Device, Tensor, TensorData};
use idiolect_kernels::{Dropout, Visible};

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
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
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

/// Three inputs of a step; one that a step does not have is a single number.
pub(crate) type Inputs<const A: usize, const B: usize, const C: usize> =
    (Tensor<A>, Tensor<B>, Tensor<C>);

/// A value, and the gradients of those inputs that it depends on.
pub(crate) type Found<const A: usize, const B: usize, const C: usize, const D: usize> = (
    Tensor<D>,
    Option<Tensor<A>>,
    Option<Tensor<B>>,
    Option<Tensor<C>>,
);

/// Runs a function with all its inputs tracked, and backward from `gradient`.
pub(crate) fn tracked<const A: usize, const B: usize, const C: usize, const D: usize>(
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

/// Keys in causal order after `past` of them, in which row `r` also hides its first `pads[r]`, no more than `past`.
pub(crate) fn visible(pads: &[usize], tokens: usize, past: usize, device: &Device) -> Visible {
    let of_row = |pad: &usize| {
        let pad = *pad;
        (past..past + tokens).map(move |query| pad..query + 1)
    };
    let seen: Vec<_> = pads.iter().flat_map(of_row).collect();
    Visible::new(&seen, pads.len(), device)
}

/// What dropout leaves out by numbers that follow from a seed (Steele, Lea and Flood, OOPSLA 2014).
pub(crate) fn dropout(share: f64, seed: u64, [tokens, channels]: [usize; 2]) -> Dropout {
    let mut state = seed;
    let mut next = |_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u16::try_from((z ^ (z >> 31)) % u64::from(Dropout::BELOW)).unwrap_or_default()
    };
    let mut list = |length: usize| (0..length).map(&mut next).collect::<Vec<u16>>();
    Dropout {
        share,
        tokens: [list(tokens), list(tokens)],
        channels: [list(channels), list(channels)],
    }
}
