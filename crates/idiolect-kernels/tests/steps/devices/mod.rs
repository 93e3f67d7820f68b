//! The steps on the device that `IDIOLECT_DEVICE` names, in each type that it computes in, against the plain
//! composition in f64 on the CPU: values and gradients.
//!
//! Lengths are those about the number of units of a cube and of values that are read together.

#![allow(clippy::unwrap_used, reason = "helpers of tests end them")]

mod attention;
mod cache;
mod compared;
mod head_loss;

use burn::tensor::{DType, Tensor};
use idiolect_kernels::{low_rank, plain, rms_norm, rotate, swiglu};
use idiolect_testkit::device;

use self::compared::{exact, holds, moved};
use crate::support::{dropout, random};

const LENGTHS: [usize; 5] = [1, 31, 32, 33, 257];

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

#[test]
fn low_rank_is_that_of_f64() {
    let inputs = (
        random([2, 33, 40], 1),
        random([40, 4], 2),
        random([4, 24], 3),
    );
    let dropout = dropout(0.3, 4, [2 * 33, 40]);
    for dropout in [None, Some(&dropout)] {
        holds(
            &format!("low rank, dropout {}", dropout.is_some()),
            &inputs,
            |x, a, b| {
                let dtype = x.dtype();
                // Factors are f32 beside a model of any type.
                let (a, b) = (a.cast(DType::F32), b.cast(DType::F32));
                low_rank(x, a, b, dropout).cast(dtype)
            },
            |x, a, b| plain::low_rank(x, a, b, dropout),
        );
    }
}
