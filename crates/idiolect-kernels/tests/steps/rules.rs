//! What a fused step does not change: its inputs, frozen inputs, other types, values that are not numbers.

use burn::tensor::{DType, Distribution, Tensor};
use idiolect_kernels::{attention, plain, rms_norm, rotate, row_loss, row_nll, swiglu};

use crate::same::{device, gradient};
use crate::support::{close, random, visible};

#[test]
fn inputs_are_unchanged_after_backward() {
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
    let rotated = rotate(x.clone(), angles.clone().cos(), angles.sin());
    let visible = visible(&[0], 4, 0, &device());
    let (k, v) = (random([1, 1, 4, 10], 5), random([1, 1, 4, 10], 6));
    let tape = attention(rotated, k, v, Some(&visible)).sum().backward();
    assert!(x.grad(&tape).is_some());
}

#[test]
fn a_norm_in_f16_is_the_composition() {
    let x = random([1, 4, 20], 1).cast(DType::F16);
    let scale = random([20], 2).cast(DType::F16);
    let found = rms_norm(x.clone(), scale.clone(), 1e-5);
    assert_eq!(found.dtype(), DType::F16);
    let expected = plain::rms_norm(x, scale, 1e-5).cast(DType::F32);
    close("f16", &found.cast(DType::F32), &expected, 0.0);
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
