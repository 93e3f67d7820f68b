//! Helpers of the end-to-end tests: an adapter that has learned something.
#![allow(clippy::expect_used, reason = "helpers of tests end them")]

use std::ops::ControlFlow;

use burn::module::Module;
use idiolect::finetune::{AdapterLoss, Loss};
use idiolect::lora::{Checkpointing, LoraAdapter, LoraConfig};
use idiolect::model::Decoder;
use idiolect::tokens::TokenRow;
use idiolect::train::{TrainConfig, Trainer, TrainerEvent};

/// Learns one row by heart, a step an epoch: the losses of the steps, and the adapter, off the tape.
///
/// # Panics
///
/// Where the adapter cannot be made or the run fails.
#[must_use]
pub fn learn(
    decoder: &Decoder,
    config: &LoraConfig,
    row: &TokenRow,
    epochs: usize,
) -> (Vec<f64>, LoraAdapter) {
    let device = decoder.device().autodiff();
    let start = LoraAdapter::new(config, decoder, 3, &device).expect("an adapter");
    let config = TrainConfig {
        epochs,
        learning_rate: 1e-2,
        accumulation: 1,
        ..TrainConfig::default()
    };
    let objective = AdapterLoss {
        decoder,
        checkpointing: Checkpointing::Blocks,
        loss: Loss::CrossEntropy,
        stored: None,
    };
    let (rows, mut losses) = ([row.clone()], Vec::new());
    let trained = Trainer::new(&config, &objective, &rows, 0).run(start, &mut |event| {
        if let TrainerEvent::Step { row, .. } = event {
            losses.push(row.loss);
        }
        ControlFlow::Continue(())
    });
    (losses, trained.expect("a run").module.valid())
}
