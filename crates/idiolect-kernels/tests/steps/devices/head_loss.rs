//! The loss of the head, which autodiff does not track.

use burn::tensor::Tensor;
use idiolect_kernels::{plain, row_loss, row_nll};
use idiolect_testkit::device;

use super::compared::{exact, moved, types};
use crate::support::{close, random};

#[test]
fn the_heads_loss_is_that_of_f64() {
    let device = device().unwrap();
    for (dtype, bound) in types() {
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
