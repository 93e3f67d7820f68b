//! The training loop inside another program: own rows, own loss, events, and a thread that ends the run.
//!
//! `cargo run --release -p idiolect-recipes --example 04_own_loss -- MODEL_FOLDER`
#![allow(clippy::print_stdout)]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{atomic::AtomicBool, atomic::Ordering, mpsc};

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData, activation::log_softmax};
use idiolect::BoxError;
use idiolect::lora::{LoraAdapter, LoraConfig};
use idiolect::model::{Decoder, load};
use idiolect::tokens::{TokenBatch, TokenRow};
use idiolect::train::{
    Evaluated, Objective, StepContext, StepLoss, TrainConfig, Trainer, TrainerEvent,
};

/// Focal loss, `-(1 - p)^2 ln p`: tokens that the model is sure of count little (arXiv 1708.02002).
struct Focal<'a>(&'a Decoder);

impl Focal<'_> {
    /// The sum over all tokens but the first of each row, and their number; the rows are of one length.
    fn sum(&self, adapter: &LoraAdapter, batch: &TokenBatch) -> (Tensor<1>, usize) {
        let count = batch.rows * (batch.width - 1);
        let ids: Vec<i64> = batch.input_ids.iter().map(|id| i64::from(*id)).collect();
        let ids = TensorData::new(ids, [batch.rows, batch.width]);
        let ids: Tensor<2, Int> = Tensor::from_data(ids, &self.0.device());
        let seen = ids.clone().slice([0..batch.rows, 0..batch.width - 1]);
        let next = ids.slice([0..batch.rows, 1..batch.width]);
        let hidden: Tensor<2> = self.0.hidden(seen, adapter).flatten(0, 1);
        let log_p = log_softmax(self.0.logits(hidden), 1).gather(1, next.reshape([count, 1]));
        let unsure = log_p.clone().exp().neg() + 1.0;
        ((unsure.square() * log_p).sum().neg(), count)
    }
}

impl Objective<LoraAdapter> for Focal<'_> {
    fn gradients(
        &self,
        adapter: &LoraAdapter,
        batch: &TokenBatch,
        step: StepContext,
    ) -> Result<StepLoss, BoxError> {
        let (sum, count) = self.sum(adapter, batch);
        Ok(StepLoss::new(adapter, sum, count, step))
    }

    fn evaluate(&self, adapter: &LoraAdapter, batch: &TokenBatch) -> Result<Evaluated, BoxError> {
        let (sum, count) = self.sum(adapter, batch);
        Ok(Evaluated::new(sum, count))
    }
}

/// Trains until the loss is below `enough`; gives the losses of all steps.
pub(crate) fn train(folder: &Path, enough: f64) -> Result<Vec<f64>, BoxError> {
    let (decoder, _) = load(folder, &Device::flex(), FloatDType::F32)?;
    let row = |first: u32| TokenRow::all_trained(first.into(), (first..first + 12).collect());
    let rows = [row(3), row(40)];
    let config = TrainConfig {
        epochs: 200,
        learning_rate: 5e-3,
        ..TrainConfig::default()
    };
    let (lora, device) = (LoraConfig::default(), Device::flex().autodiff());
    let adapter = LoraAdapter::new(&lora, &decoder, 7, &device)?;
    let (objective, cancel, mut losses) = (Focal(&decoder), AtomicBool::new(false), Vec::new());
    std::thread::scope(|scope| {
        let (report, reports) = mpsc::channel::<f64>();
        let watch = || cancel.store(reports.into_iter().any(|x| x < enough), Ordering::Relaxed);
        scope.spawn(watch);
        let mut trainer = Trainer::new(&config, &objective, &rows, 0);
        trainer.cancel = Some(&cancel);
        trainer.run(adapter, &mut |event| {
            if let TrainerEvent::Step { row, .. } = event {
                losses.push(row.loss);
                let _ = report.send(row.loss);
            }
            ControlFlow::Continue(())
        })?;
        Ok(losses)
    })
}

fn main() -> Result<(), BoxError> {
    let folder = std::env::args().nth(1).ok_or("a model folder")?;
    println!("{:?}", train(folder.as_ref(), 1.0)?);
    Ok(())
}
