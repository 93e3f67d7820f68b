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
#[path = "peft_training.rs"]
mod training;

use burn::tensor::{DType, FloatDType};
use idiolect::finetune::check_device;
use idiolect_testkit::device;

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
