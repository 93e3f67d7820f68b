//! The steps on the device that `IDIOLECT_DEVICE` names, in each type that it computes in, against the plain
//! composition in f64 on the CPU: values and gradients.
//!
//! Lengths are those about the number of units of a cube and of values that are read together.

#![allow(clippy::unwrap_used, reason = "helpers of tests end them")]

use burn::tensor::{DType, Device, Tensor};
use idiolect_kernels::{
    CachePlaces, CacheWrite, Visible, attention, low_rank, plain, rms_norm, rotate, row_loss,
    row_nll, swiglu, write_cache,
};
use idiolect_testkit::device;

use crate::support::{Inputs, close, random, tracked, visible};

const LENGTHS: [usize; 5] = [1, 31, 32, 33, 257];

/// A type, and the most that a step in it may differ from f64 for the same inputs, of the largest value.
const TYPES: [(DType, f64); 3] = [(DType::F32, 1e-5), (DType::F16, 4e-3), (DType::BF16, 3e-2)];

/// Compares the value and the gradients of a step on the device with those of the plain one.
fn holds<const A: usize, const B: usize, const C: usize, const D: usize>(
    name: &str,
    inputs: &Inputs<A, B, C>,
    step: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<D>,
    plain: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<D>,
) {
    let device = device().unwrap();
    for (dtype, bound) in TYPES {
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

fn moved<const D: usize>(x: &Tensor<D>, device: &Device, dtype: DType) -> Tensor<D> {
    Tensor::from_data(x.to_data(), (device, dtype))
}

/// The tensor in f64 on the CPU.
fn exact<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    moved(x, &Device::flex(), DType::F64)
}

fn none() -> Tensor<1> {
    random([1], 1)
}

#[test]
fn norm_is_that_of_f64() {
    // Of one value alone, the gradient is a difference of numbers that are nearly equal.
    for width in LENGTHS.map(|width| width.max(8)) {
        holds(
            &format!("norm of {width}"),
            &(random([2, 3, width], 1), random([width], 2), none()),
            |x, scale, _| rms_norm(x, scale, 1e-5),
            |x, scale, _| plain::rms_norm(x, scale, 1e-5),
        );
    }
}

#[test]
fn rotation_is_that_of_f64() {
    let (rows, heads, half) = (2, 3, 16);
    for (tokens, shared, swapped) in [
        (1, true, false),
        (33, true, true),
        (33, false, true),
        (257, false, false),
    ] {
        let of = if shared { 1 } else { rows };
        let angles: Tensor<4> = random([of, 1, tokens, half], 3);
        let of_step = angles.clone();
        let look = move |x: Tensor<4>| if swapped { x.swap_dims(1, 2) } else { x };
        let shape = if swapped {
            [rows, tokens, heads, 2 * half]
        } else {
            [rows, heads, tokens, 2 * half]
        };
        holds(
            &format!("rotation of {tokens}"),
            &(random(shape, 1), none(), none()),
            |x: Tensor<4>, _, _| {
                let angles = moved(&of_step, &device().unwrap(), DType::F32);
                rotate(look(x), angles.clone().cos(), angles.sin())
            },
            |x: Tensor<4>, _, _| {
                let angles = exact(&angles);
                plain::rotate(look(x), angles.clone().cos(), angles.sin())
            },
        );
    }
}

#[test]
fn gate_is_that_of_f64() {
    for width in LENGTHS {
        let gate: Tensor<3> = random([2, 3, width], 1);
        holds(
            &format!("gate of {width}"),
            &(gate * 4.0, random([2, 3, width], 2), none()),
            |gate, up, _| swiglu(gate, up),
            |gate, up, _| plain::swiglu(gate, up),
        );
    }
}

/// A pass of attention.
struct Pass {
    tokens: usize,
    kv_heads: usize,
    /// Query heads that share a key head.
    group: usize,
    sees: fn(usize, &Device) -> Visible,
}

fn causal(tokens: usize, device: &Device) -> Visible {
    visible(&[0], tokens, 0, device)
}

fn within_five(tokens: usize, device: &Device) -> Visible {
    let of = |at: usize| (at + 1).saturating_sub(5)..at + 1;
    Visible::new(&(0..tokens).map(of).collect::<Vec<_>>(), 1, device)
}

/// Two sequences in the first row, one in the second.
fn packed(tokens: usize, device: &Device) -> Visible {
    let middle = tokens / 2;
    let of = |at: usize| {
        if at < middle {
            0..at + 1
        } else {
            middle..at + 1
        }
    };
    let first = (0..tokens).map(of);
    let seen: Vec<_> = first.chain((0..tokens).map(|at| 0..at + 1)).collect();
    Visible::new(&seen, 2, device)
}

/// Each number of heads and each way of seeing at a short length and at a longer one: on a GPU every shape of a
/// product is tuned anew.
const PASSES: [Pass; 7] = [
    pass(1, [2, 1], causal),
    pass(31, [1, 4], within_five),
    pass(32, [2, 1], packed),
    pass(33, [1, 4], causal),
    pass(33, [2, 1], within_five),
    pass(257, [2, 1], causal),
    pass(257, [1, 4], packed),
];

const fn pass(
    tokens: usize,
    [kv_heads, group]: [usize; 2],
    sees: fn(usize, &Device) -> Visible,
) -> Pass {
    Pass {
        tokens,
        kv_heads,
        group,
        sees,
    }
}

#[test]
fn attention_is_that_of_f64() {
    let by_heads = |x: Tensor<4>| x.swap_dims(1, 2);
    for Pass {
        tokens,
        kv_heads,
        group,
        sees,
    } in PASSES
    {
        // As projections lie that are viewed by heads.
        let inputs = (
            random([2, tokens, kv_heads * group, 16], 1),
            random([2, tokens, kv_heads, 16], 2),
            random([2, tokens, kv_heads, 16], 3),
        );
        holds(
            &format!("attention of {tokens} tokens, {group} heads for each of {kv_heads}"),
            &inputs,
            |q: Tensor<4>, k: Tensor<4>, v: Tensor<4>| {
                let visible = sees(tokens, &device().unwrap());
                attention(by_heads(q), by_heads(k), by_heads(v), Some(&visible))
            },
            |q: Tensor<4>, k: Tensor<4>, v: Tensor<4>| {
                let mask = sees(tokens, &Device::flex()).mask(tokens);
                let mask = Some(mask.cast(DType::F64));
                plain::attention(by_heads(q), by_heads(k), by_heads(v), mask)
            },
        );
    }
}

#[test]
fn low_rank_is_that_of_f64() {
    let inputs = (
        random([2, 33, 40], 1),
        random([40, 4], 2),
        random([4, 24], 3),
    );
    holds(
        "low rank",
        &inputs,
        |x, a, b| {
            let dtype = x.dtype();
            // Factors are f32 beside a model of any type.
            low_rank(x, a.cast(DType::F32), b.cast(DType::F32)).cast(dtype)
        },
        plain::low_rank,
    );
}

#[test]
fn the_heads_loss_is_that_of_f64() {
    let device = device().unwrap();
    for (dtype, bound) in TYPES {
        if !device.supports_dtype(dtype) {
            continue;
        }
        for vocab in [31, 257, 1000] {
            let targets: Vec<i64> = (0..7).map(|row| row * 29 % 31).collect();
            let logits: Tensor<2> = random([7, vocab], 1);
            let logits = moved(&(logits * 5.0), &device, dtype);
            let expected = plain::row_loss(exact(&logits), &targets, 0.25);
            let name = format!("{vocab} logits in {dtype:?}");
            let alone = row_nll(logits.clone(), &targets);
            let before = logits.clone().into_data();
            let found = row_loss(logits.clone(), &targets, 0.25);
            logits.into_data().assert_eq(&before, true);
            // Losses are f32, whatever the type of the logits.
            close(&name, &exact(&alone), &expected.nll, 1e-5);
            close(&name, &exact(&found.nll), &expected.nll, 1e-5);
            close(&name, &exact(&found.gradient), &expected.gradient, bound);
        }
    }
}

/// Row 1 gets two tokens behind its first, row 2 one at its end; what another tensor shares stays as it was.
#[test]
fn a_cache_is_written_in_its_places_alone() {
    let device = device().unwrap();
    let moved = |x: Tensor<4>| moved(&x, &device, DType::F32);
    let drawn = |seed| random([3, 2, 4, 5], seed);
    // As a projection lies that is viewed by heads.
    let new = |seed| -> Tensor<4> { random([1, 3, 2, 5], seed).swap_dims(1, 2) };
    let writes = vec![
        CacheWrite {
            row: 1,
            tokens: 0..2,
            positions: 1..3,
        },
        CacheWrite {
            row: 2,
            tokens: 2..3,
            positions: 3..4,
        },
    ];
    let written = |cache: Tensor<4>, new: &Tensor<4>| {
        let first = new.clone().narrow(2, 0, 2);
        let cache = cache.slice_assign([1..2, 0..2, 1..3, 0..5], first);
        cache.slice_assign([2..3, 0..2, 3..4, 0..5], new.clone().narrow(2, 2, 1))
    };
    let places = CachePlaces::new(writes, &device);
    let (mut keys, mut values) = (moved(drawn(1)), moved(drawn(2)));
    let shared = values.clone();
    write_cache(
        [&mut keys, &mut values],
        [moved(new(3)), moved(new(4))],
        &places,
    );
    for (found, expected) in [
        (keys, written(drawn(1), &new(3))),
        (values, written(drawn(2), &new(4))),
        (shared, drawn(2)),
    ] {
        found.into_data().assert_eq(&expected.into_data(), true);
    }
}

#[test]
#[should_panic(expected = "a place outside a cache of 3 rows of 4 tokens")]
fn a_place_outside_a_cache_is_refused() {
    let device = device().unwrap();
    let empty = || Tensor::<4>::zeros([3, 2, 4, 5], &device);
    let write = CacheWrite {
        row: 1,
        tokens: 0..1,
        positions: 4..5,
    };
    let places = CachePlaces::new(vec![write], &device);
    let new = [
        empty().narrow(0, 0, 1).narrow(2, 0, 1),
        empty().narrow(0, 0, 1).narrow(2, 0, 1),
    ];
    write_cache([&mut empty(), &mut empty()], new, &places);
}
