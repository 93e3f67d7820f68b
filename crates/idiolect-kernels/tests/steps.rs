//! Fused steps against the plain composition: values and gradients, at odd sizes and odd layouts.

use burn::tensor::quantization::{QuantScheme, QuantValue, ScaleDtype};
use burn::tensor::{DType, Device, Distribution, Tensor, TensorData};
use idiolect_kernels::{
    attention, linear, plain, product, rms_norm, rotate, row_loss, row_nll, swiglu,
};
use proptest::prelude::*;

fn device() -> Device {
    Device::flex()
}

/// Reproducible normal values.
fn random<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
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

/// Both sides round in f32, and sums of a hundred terms run in another order; of 1e-6 one random case in
/// thousands fell short by a thirtieth.
const BOUND: f64 = 3e-6;

/// A copy that nobody else holds.
fn own<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    Tensor::from_data(x.to_data(), &x.device())
}

/// Whether two tensors differ by at most `bound` of the largest value expected.
fn close<const D: usize>(name: &str, found: &Tensor<D>, expected: &Tensor<D>, bound: f64) {
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

/// Compares the value and the gradients of all inputs of two functions of three tensors.
fn same<const A: usize, const B: usize, const C: usize, const D: usize>(
    (a, b, c): (Tensor<A>, Tensor<B>, Tensor<C>),
    fused: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<D>,
    plain: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<D>,
) {
    let value = plain(a.clone(), b.clone(), c.clone());
    close(
        "untaped",
        &fused(a.clone(), b.clone(), c.clone()),
        &value,
        BOUND,
    );
    close("in place", &fused(own(&a), own(&b), own(&c)), &value, BOUND);
    let seed = random(value.dims(), 77).autodiff();
    let (a, b, c) = (
        a.autodiff().require_grad(),
        b.autodiff().require_grad(),
        c.autodiff().require_grad(),
    );
    let run = |found: Tensor<D>| {
        let tape = (found.clone() * seed.clone()).sum().backward();
        (found.inner(), a.grad(&tape), b.grad(&tape), c.grad(&tape))
    };
    let found = run(fused(a.clone(), b.clone(), c.clone()));
    let expected = run(plain(a.clone(), b.clone(), c.clone()));
    close("value", &found.0, &expected.0, BOUND);
    gradient("first gradient", found.1, expected.1);
    gradient("second gradient", found.2, expected.2);
    gradient("third gradient", found.3, expected.3);
}

fn gradient<const D: usize>(name: &str, found: Option<Tensor<D>>, expected: Option<Tensor<D>>) {
    match (found, expected) {
        (Some(found), Some(expected)) => close(name, &found, &expected, BOUND),
        (None, None) => {}
        (found, expected) => assert_eq!(found.is_some(), expected.is_some(), "{name}"),
    }
}

/// A causal mask after `past` keys, in which row `r` also hides its first `pads[r]` keys.
fn mask(pads: &[usize], tokens: usize, past: usize) -> Tensor<4> {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn products_of_few_rows_are_burns(
        rows in 1_usize..20, inputs in 1_usize..70, outputs in 1_usize..1100, turned in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let x: Tensor<2> = random([rows, inputs], seed);
        let weight = if turned {
            random([outputs, inputs], seed ^ 1).transpose()
        } else {
            random([inputs, outputs], seed ^ 1)
        };
        let expected = x.clone().matmul(weight.clone());
        let found = product(x.clone(), weight.clone());
        close("product", &found, &expected, 2e-6);
        let tokens = x.reshape([1, rows, inputs]);
        let found = linear(tokens, weight).reshape([rows, outputs]);
        close("linear", &found, &expected, 2e-6);
    }

    #[test]
    fn a_row_does_not_depend_on_the_others(
        rows in 2_usize..17, inputs in 1_usize..70, turned in any::<bool>(), seed in any::<u64>(),
    ) {
        let x: Tensor<2> = random([rows, inputs], seed);
        let weight = if turned {
            random([50, inputs], seed ^ 1).transpose()
        } else {
            random([inputs, 50], seed ^ 1)
        };
        let last = x.clone().slice([rows - 1..rows, 0..inputs]);
        let alone = product(last, weight.clone()).into_data();
        let beside = product(x, weight).slice([rows - 1..rows, 0..50]).into_data();
        alone.assert_eq(&beside, true);
    }

    #[test]
    fn norm_is_the_composition(
        rows in 1_usize..4, tokens in 1_usize..40, hidden in 8_usize..80, seed in any::<u64>(),
    ) {
        let x = random([rows, tokens, hidden], seed);
        let scale = random([hidden], seed ^ 1);
        let one = random([1], 1);
        same((x, scale, one), |x, s, _| rms_norm(x, s, 1e-5), |x, s, _| plain::rms_norm(x, s, 1e-5));
    }

    #[test]
    fn rotary_is_the_composition(
        rows in 1_usize..4, heads in 1_usize..4, tokens in 1_usize..20, half in 1_usize..40,
        shared in any::<bool>(), swapped in any::<bool>(), seed in any::<u64>(),
    ) {
        let angles: Tensor<4> = random([if shared { 1 } else { rows }, 1, tokens, half], seed ^ 1);
        let (cos, sin) = (angles.clone().cos(), angles.sin());
        let look = move |x: Tensor<4>| if swapped { x.swap_dims(1, 2) } else { x };
        let shape = if swapped { [rows, tokens, heads, 2 * half] } else { [rows, heads, tokens, 2 * half] };
        // Angles are constants to the fused step.
        let (c, s) = (cos.clone(), sin.clone());
        let one: Tensor<1> = random([1], 1);
        same(
            (random(shape, seed), one.clone(), one),
            move |x: Tensor<4>, _, _| rotate(look(x), c.clone(), s.clone()),
            move |x: Tensor<4>, _, _| plain::rotate(look(x), cos.clone(), sin.clone()),
        );
    }

    #[test]
    fn gate_is_the_composition(
        rows in 1_usize..4, tokens in 1_usize..40, width in 1_usize..80, seed in any::<u64>(),
    ) {
        let gate: Tensor<3> = random([rows, tokens, width], seed) * 4.0;
        let up = random([rows, tokens, width], seed ^ 1);
        let one: Tensor<1> = random([1], 1);
        same((gate, up, one), |g, u, _| swiglu(g, u), |g, u, _| plain::swiglu(g, u));
    }

    #[test]
    fn attention_is_the_composition(
        (rows, tokens, past) in (1_usize..4, 1_usize..80, 0_usize..40),
        (kv_heads, group, width) in (1_usize..4, 1_usize..4, 1_usize..40),
        (masked, swapped, seed) in (any::<bool>(), any::<bool>(), any::<u64>()),
    ) {
        let keys = past + tokens;
        let heads = kv_heads * group;
        let of = |heads: usize, tokens: usize, seed: u64| {
            let shape = if swapped { [rows, tokens, heads, width] } else { [rows, heads, tokens, width] };
            random(shape, seed)
        };
        let pads: Vec<usize> = (0..rows).map(|row| (row * 5).min(past)).collect();
        let mask = masked.then(|| mask(&pads, tokens, past));
        let look = |x: Tensor<4>| if swapped { x.swap_dims(1, 2) } else { x };
        let inputs = (of(heads, tokens, seed), of(kv_heads, keys, seed ^ 1), of(kv_heads, keys, seed ^ 2));
        same(
            inputs,
            |q, k, v| attention(look(q), look(k), look(v), mask.clone()),
            |q, k, v| plain::attention(look(q), look(k), look(v), mask.clone()),
        );
    }

    #[test]
    fn head_loss_is_the_composition(
        rows in 1_usize..8, vocab in 1_usize..200, seed in any::<u64>(), shared in any::<bool>(),
    ) {
        let logits: Tensor<2> = random([rows, vocab], seed) * 5.0;
        let targets: Vec<i64> =
            (0..rows).map(|row| i64::try_from((row * 31 + 7) % vocab).unwrap()).collect();
        let expected = plain::row_loss(logits.clone(), &targets, 0.25);
        close("nll", &row_nll(logits.clone(), &targets), &expected.nll, BOUND);
        let kept = shared.then(|| logits.clone());
        let before: Vec<f32> = logits.to_data().iter::<f32>().collect();
        let found = row_loss(logits, &targets, 0.25);
        close("nll", &found.nll, &expected.nll, BOUND);
        close("slope", &found.slope, &expected.slope, BOUND);
        if let Some(kept) = kept {
            let after: Vec<f32> = kept.into_data().iter::<f32>().collect();
            prop_assert_eq!(before, after, "logits that somebody holds were overwritten");
        }
    }
}

#[test]
fn the_fused_steps_are_compiled_in() {
    // Without the feature every test here would compare plain with plain.
    const { assert!(cfg!(feature = "flex")) };
}

#[test]
fn a_window_and_a_long_row_are_the_composition() {
    let (tokens, window) = (700, 90);
    let values: Vec<f32> = (0..tokens * tokens)
        .map(|at| (at / tokens, at % tokens))
        .map(|(q, k)| if k > q || q - k >= window { -1e30 } else { 0.0 })
        .collect();
    let mask = Tensor::<4>::from_data(TensorData::new(values, [1, 1, tokens, tokens]), &device());
    let (q, k) = (random([1, 2, tokens, 64], 1), random([1, 1, tokens, 64], 2));
    same(
        (q, k, random([1, 1, tokens, 64], 3)),
        |q, k, v| attention(q, k, v, Some(mask.clone())),
        |q, k, v| plain::attention(q, k, v, Some(mask.clone())),
    );
}

#[test]
fn queries_that_see_nothing_weigh_all_keys_alike() {
    let mask = mask(&[9], 9, 0);
    same(
        (
            random([1, 1, 9, 8], 1),
            random([1, 1, 9, 8], 2),
            random([1, 1, 9, 8], 3),
        ),
        |q, k, v| attention(q, k, v, Some(mask.clone())),
        |q, k, v| plain::attention(q, k, v, Some(mask.clone())),
    );
}

#[test]
fn inputs_survive_the_way_back() {
    let gate: Tensor<3> = random([2, 3, 40], 1);
    let (gate, up) = (
        gate.autodiff().require_grad(),
        random([2, 3, 40], 2).autodiff().require_grad(),
    );
    let before = gate.to_data();
    let y = swiglu(gate.clone(), up.clone());
    let _ = (y.clone() * y).sum().backward();
    gate.to_data().assert_eq(&before, true);
}

#[test]
fn a_frozen_scale_gets_no_gradient_and_a_plain_tensor_is_a_constant() {
    let x = random([1, 4, 20], 1).autodiff().require_grad();
    let scale = random([20], 2);
    let tape = rms_norm(x.clone(), scale, 1e-5).sum().backward();
    assert!(x.grad(&tape).is_some());
    let angles: Tensor<4> = random([1, 1, 4, 5], 3);
    let x = random([1, 2, 4, 10], 4).autodiff().require_grad();
    let turned = rotate(x.clone(), angles.clone().cos(), angles.sin());
    let mask = mask(&[0], 4, 0);
    let (k, v) = (random([1, 1, 4, 10], 5), random([1, 1, 4, 10], 6));
    let tape = attention(turned, k, v, Some(mask)).sum().backward();
    assert!(x.grad(&tape).is_some());
}

#[test]
fn other_types_take_the_composition() {
    let x = random([1, 4, 20], 1).cast(DType::BF16);
    let scale = random([20], 2).cast(DType::BF16);
    let found = rms_norm(x.clone(), scale.clone(), 1e-5);
    assert_eq!(found.dtype(), DType::BF16);
    let expected = plain::rms_norm(x, scale, 1e-5).cast(DType::F32);
    close("bf16", &found.cast(DType::F32), &expected, 0.0);
}

#[test]
fn a_loss_that_is_not_a_number_stays_so() {
    let logits = Tensor::<2>::from_floats([[0.0, f32::NAN, 1.0]], &device());
    assert!(row_nll(logits.clone(), &[0]).into_scalar::<f32>().is_nan());
    assert!(
        row_loss(logits, &[0], 1.0)
            .nll
            .into_scalar::<f32>()
            .is_nan()
    );
    let x = Tensor::<3>::from_floats([[[f32::NAN, 1.0]]], &device());
    let one = Tensor::<1>::from_floats([1.0, 1.0], &device());
    assert!(
        rms_norm(x, one, 1e-5)
            .into_data()
            .iter::<f32>()
            .all(f32::is_nan)
    );
}

#[test]
fn checkpointing_devices_are_served_too() {
    let device = device().autodiff().gradient_checkpointing();
    let x = Tensor::<3>::random([1, 4, 20], Distribution::Default, &device).require_grad();
    let tape = swiglu(x.clone(), x.clone()).sum().backward();
    let expected = plain::swiglu(x.clone(), x.clone()).sum().backward();
    gradient("x", x.grad(&tape), x.grad(&expected));
}

/// A weight in blocks along its rows, at `bits`, and what it is when widened.
fn packed(shape: [usize; 2], block: u8, value: QuantValue) -> (Tensor<2>, Tensor<2>) {
    let scheme = QuantScheme::default()
        .with_value(value)
        .per_block([block], ScaleDtype::F32);
    let packed = random(shape, 5).quantize_dynamic(&scheme);
    let wide = packed.clone().dequantize();
    (packed, wide)
}

#[test]
fn products_with_a_packed_weight_are_those_with_the_widened_one() {
    let values = [QuantValue::Q8S, QuantValue::Q4S];
    for (shape, block) in [([48, 64], 32), ([7, 24], 8), ([5, 6], 2), ([64, 64], 64)] {
        for value in values {
            let (packed, wide) = packed(shape, block, value);
            let (x, seed) = (random([2, 9, shape[0]], 3), random([2, 9, shape[1]], 4));
            close(
                "untaped",
                &linear(x.clone(), packed.clone()),
                &burn::tensor::module::linear(x.clone(), wide.clone(), None),
                BOUND,
            );
            let x = x.autodiff().require_grad();
            let slope = |y: Tensor<3>| {
                let tape = (y * seed.clone().autodiff()).sum().backward();
                x.grad(&tape).unwrap()
            };
            let found = slope(linear(x.clone(), packed.clone()));
            let expected = slope(burn::tensor::module::linear(x.clone(), wide, None));
            close("gradient", &found, &expected, BOUND);
            let plain = slope(plain::packed_linear(x.clone(), packed));
            close("plain gradient", &plain, &expected, BOUND);
        }
    }
}
