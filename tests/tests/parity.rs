//! One suite for every device: hidden states, logits, generation, loss and gradients against transformers,
//! adapters and twenty steps of training against PEFT, on the device that `IDIOLECT_DEVICE` names.
//!
//! `cargo xtask parity --device NAME` runs it. The tests are those that the crates run on the CPU; here
//! they share a process, since a GPU's kernels are tuned anew in each.

#[path = "../../crates/idiolect-lora/tests/peft/main.rs"]
mod adapters;
mod choice;
#[path = "../../crates/idiolect-model/tests/golden.rs"]
mod model;
mod speed;
#[path = "../../crates/idiolect-kernels/tests/steps/devices/mod.rs"]
mod steps;
#[path = "../../crates/idiolect-kernels/tests/steps/support.rs"]
mod support;
#[path = "peft_training.rs"]
mod training;

use burn::tensor::{DType, Device, FloatDType, Tensor};
use idiolect::finetune::check_device;
use idiolect::lm::Dtype;
use idiolect::lm::device::{is_host, usual_dtype};
use idiolect_kernels::{Dropout, dropped};
use idiolect_testkit::{device, shared};

#[test]
fn training_trusts_the_device() {
    check_device(&device().unwrap(), FloatDType::F32).expect("f32");
}

#[test]
fn half_types_train_where_the_device_computes_in_them() {
    for dtype in [FloatDType::F16, FloatDType::BF16] {
        let computes = device().unwrap().supports_dtype(DType::from(dtype));
        println!("{dtype:?}: {computes}");
        if computes {
            check_device(&device().unwrap(), dtype).expect("a type that trains");
        }
    }
}

/// On the CPU f32, elsewhere the type of the weights where the device computes in it.
#[test]
fn a_model_is_in_its_own_type_where_the_device_computes_in_it() {
    let (Some(shared), device) = (shared(), device().unwrap()) else {
        return;
    };
    let tiny = shared.join("oracles/tiny");
    for (name, own) in [
        ("tiny-llama3", Dtype::F32),
        ("tiny-llama3-sharded-bf16", Dtype::Bf16),
    ] {
        let computes = device.supports_dtype(DType::from(FloatDType::from(own)));
        let is_own = computes && !is_host(&device);
        let expected = if is_own { own } else { Dtype::F32 };
        assert_eq!(
            usual_dtype(&tiny.join(name), &device).unwrap(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn dropout_leaves_out_the_same_on_every_device() {
    let small = |key: u32| u16::try_from(key % u32::from(Dropout::BELOW)).unwrap();
    let key = |length: u32| (0..length).map(|at| small(at * at * 7919 + at));
    let dropout = Dropout {
        share: 0.3,
        tokens: [key(62).collect(), key(62).rev().collect()],
        channels: [key(33).rev().collect(), key(33).collect()],
    };
    let mask = |device: &Device| -> Vec<f32> {
        let left = dropped(Tensor::ones([2, 31, 33], device), &dropout);
        left.into_data().iter::<f32>().collect()
    };
    assert_eq!(mask(&device().unwrap()), mask(&Device::flex()));
}
