//! Dropout masks: the share that is left out, that values do not go together, and that devices agree.

use burn::tensor::{Device, Tensor};
use idiolect_kernels::{Dropout, dropped, plain};
use proptest::prelude::*;

use crate::support::dropout;

fn ones(shape: [usize; 3]) -> Tensor<3> {
    Tensor::ones(shape, &Device::flex())
}

fn values(left: Tensor<3>) -> Vec<f32> {
    left.into_data().iter::<f32>().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_host_and_tensors_make_the_same_mask(
        (rows, tokens, channels) in (1_usize..4, 1_usize..9, 1_usize..40),
        (share, seed) in (0.0_f64..1.0, any::<u64>()),
    ) {
        let dropout = dropout(share, seed, [rows * tokens, channels]);
        let shape = [rows, tokens, channels];
        let found = values(dropped(ones(shape), &dropout));
        prop_assert_eq!(&found, &values(plain::dropped(ones(shape), &dropout)));
        let kept = found.iter().copied().fold(0.0, f32::max);
        prop_assert!(found.iter().all(|value| *value == 0.0 || value.to_bits() == kept.to_bits()));
    }
}

/// The largest numbers stay within 31 bits on a device as on the host.
#[test]
fn the_largest_numbers_agree() {
    let most = vec![Dropout::BELOW - 1; 3];
    // (p - 1)^2 + 2 (p - 1) = -1 (mod p), the largest of all.
    for share in [0.5, 0.99999] {
        let dropout = Dropout {
            share,
            tokens: [most.clone(), most.clone()],
            channels: [most.clone(), most.clone()],
        };
        let left = [
            dropped(ones([1, 3, 3]), &dropout),
            plain::dropped(ones([1, 3, 3]), &dropout),
        ];
        for left in left.map(values) {
            assert!(left.iter().all(|value| *value > 1.0));
        }
    }
}

/// As many are left out as were asked for, and those beside each other no more often together than by chance.
#[test]
fn values_are_left_out_on_their_own() {
    let (tokens, channels) = (400, 500);
    for (share, seed) in [(0.05, 1), (0.1, 2), (0.5, 3)] {
        let dropout = dropout(share, seed, [tokens, channels]);
        let left: Vec<f64> = values(dropped(ones([1, tokens, channels]), &dropout))
            .iter()
            .map(|v| f64::from(u8::from(*v == 0.0)))
            .collect();
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
        let within = |found: f64, expected: f64, count: usize| {
            let deviation = (expected * (1.0 - expected) / count as f64).sqrt();
            assert!(
                (found - expected).abs() < 5.0 * deviation,
                "{share}: {found} {expected}"
            );
        };
        within(mean(&left), share, left.len());
        let pairs = |step: usize| {
            let both = left.iter().zip(&left[step..]).map(|(a, b)| a * b);
            both.collect::<Vec<f64>>()
        };
        for step in [1, 2, channels, channels + 1, 7 * channels] {
            let both = pairs(step);
            within(mean(&both), share * share, both.len());
        }
    }
}
