//! How a window is cut into micro-batches does not change what it trains.

use idiolect_train::{StepRow, TrainConfig, Trainer};
use proptest::prelude::*;

use crate::tiny::{NextToken, Tiny, random_rows, run};

/// Two steps over eight rows, cut into micro-batches of `batch_size`.
fn trained(batch_size: usize, seed: u64) -> (Vec<StepRow>, [Vec<f32>; 2]) {
    let config = TrainConfig {
        epochs: 2,
        batch_size,
        accumulation: 8 / batch_size,
        learning_rate: 1e-2,
        shuffle: false,
        length_grouping: false,
        ..TrainConfig::default()
    };
    let rows = random_rows(8, seed);
    let trainer = Trainer::new(&config, &NextToken, &rows, 0);
    let (trained, steps) = run(&trainer, Tiny::random(seed)).unwrap();
    (steps, trained.module.values())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn micro_batches_of_unequal_lengths_train_as_one_batch(seed: u64) {
        let (steps, parameters) = trained(8, seed);
        for batch_size in [1, 2, 4] {
            let (other_steps, other_parameters) = trained(batch_size, seed);
            for (one, other) in steps.iter().zip(&other_steps) {
                prop_assert_eq!(one.trained_tokens, other.trained_tokens);
                prop_assert!((one.loss / other.loss - 1.0).abs() < 1e-6);
                prop_assert!((one.grad_norm / other.grad_norm - 1.0).abs() < 1e-5);
            }
            // In the mean: Adam divides a gradient near zero by its own size, rounding and all.
            let pairs = parameters.iter().flatten().zip(other_parameters.iter().flatten());
            let off: Vec<f32> = pairs.map(|(one, other)| (one - other).abs()).collect();
            let mean = off.iter().sum::<f32>() / off.len() as f32;
            prop_assert!(mean < 1e-5, "{} in the mean", mean);
        }
    }
}
