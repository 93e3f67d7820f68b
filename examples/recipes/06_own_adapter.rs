//! An adapter kind of one's own: a learned scale for each output of the value projections, as in (IA)^3
//! (arXiv 2205.05638), trained by the loop with the ordinary loss.
//!
//! `cargo run --release -p idiolect-recipes --example 06_own_adapter -- MODEL_FOLDER`
#![allow(clippy::print_stdout)]

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData, activation::log_softmax};
use idiolect::BoxError;
use idiolect::lm::batch::{TrainedTokens, adapter_batch, trained_hidden};
use idiolect::model::{Adapter, Decoder, Projection, Site, load};
use idiolect::tokens::{TokenBatch, TokenRow};
use idiolect::train::{
    Evaluated, Objective, StepContext, StepLoss, TrainConfig, Trainer, TrainerEvent,
};

/// A scale for each output of each block's value projection.
#[derive(Module, Debug)]
struct Scales {
    values: Vec<Param<Tensor<1>>>,
}

impl Scales {
    /// Scales of 1, which change nothing yet.
    fn new(decoder: &Decoder, device: &Device) -> Self {
        let width = decoder.config.num_kv_heads * decoder.config.head_dim;
        let one = |_| Param::from_tensor(Tensor::ones([width], device));
        Self {
            values: (0..decoder.config.num_layers).map(one).collect(),
        }
    }
}

impl Adapter for Scales {
    fn apply(&self, site: Site, _x: &Tensor<3>, base_output: Tensor<3>) -> Tensor<3> {
        match site.projection {
            Projection::Value => base_output * self.values[site.layer].val().unsqueeze::<3>(),
            _ => base_output,
        }
    }
}

/// Cross entropy of the labelled tokens.
struct CrossEntropy<'a>(&'a Decoder);

impl CrossEntropy<'_> {
    fn sum(&self, scales: &Scales, batch: &TokenBatch) -> (Tensor<1>, usize) {
        let device = self.0.device();
        let TrainedTokens { positions, targets } = TrainedTokens::new(batch);
        let count = targets.len();
        let targets = TensorData::new(targets, [count, 1]);
        let targets = Tensor::<2, Int>::from_data(targets, &device);
        let batch = adapter_batch(self.0, batch, positions, 0);
        let hidden = trained_hidden(self.0, scales, &batch);
        let log_p = log_softmax(self.0.logits(hidden), 1).gather(1, targets);
        (log_p.sum().neg(), count)
    }
}

impl Objective<Scales> for CrossEntropy<'_> {
    fn gradients(
        &self,
        scales: &Scales,
        batch: &TokenBatch,
        step: StepContext,
    ) -> Result<StepLoss, BoxError> {
        let (sum, count) = self.sum(scales, batch);
        Ok(StepLoss::new(scales, sum, count, step))
    }

    fn evaluate(&self, scales: &Scales, batch: &TokenBatch) -> Result<Evaluated, BoxError> {
        let (sum, count) = self.sum(scales, batch);
        Ok(Evaluated::new(sum, count))
    }

    fn keeps_packed_rows_apart(&self) -> bool {
        // `adapter_batch` gives each row of a packed line a mask and positions of its own.
        true
    }
}

/// Trains the scales of a model on two rows; gives the losses of all steps.
pub(crate) fn train(folder: &Path) -> Result<Vec<f64>, BoxError> {
    let (decoder, _) = load(folder, &Device::flex(), FloatDType::F32)?;
    let row = |first: u32| TokenRow::all_trained(first.into(), (first..first + 12).collect());
    let rows = [row(3), row(40)];
    let config = TrainConfig {
        epochs: 20,
        learning_rate: 1e-1,
        ..TrainConfig::default()
    };
    let scales = Scales::new(&decoder, &Device::flex().autodiff());
    let (objective, mut losses) = (CrossEntropy(&decoder), Vec::new());
    Trainer::new(&config, &objective, &rows, 0).run(scales, &mut |event| {
        if let TrainerEvent::Step { row, .. } = event {
            losses.push(row.loss);
        }
        ControlFlow::Continue(())
    })?;
    Ok(losses)
}

fn main() -> Result<(), BoxError> {
    let folder = std::env::args().nth(1).ok_or("a model folder")?;
    println!("{:?}", train(folder.as_ref())?);
    Ok(())
}
