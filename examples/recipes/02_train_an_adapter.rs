//! `LoRA` training inside another program: own rows, own loss, no files but the adapter.
//!
//! `cargo run --release -p idiolect-recipes --example 02_train_an_adapter -- MODEL_FOLDER`
#![allow(clippy::print_stdout)]

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use idiolect::lora::{LoraAdapter, LoraConfig, Positions, Tape, adapter_gradients};
use idiolect::model::Decoder;
use idiolect::tokens::{TokenBatch, TokenRow, Tokenizer};
use idiolect::train::{
    BoxError, CHUNK_ROWS, Event, LossSum, Measured, Objective, Share, TrainConfig, Trainer,
    head_loss,
};

/// Cross entropy of the labelled tokens; the trainer knows no model and no loss but this.
struct NextToken<'a>(&'a Decoder);

impl Objective<LoraAdapter> for NextToken<'_> {
    fn gradients(
        &self,
        adapter: &LoraAdapter,
        batch: &TokenBatch,
        share: Share,
    ) -> Result<Measured, BoxError> {
        let predicts = |i: &usize| !(i + 1).is_multiple_of(batch.width) && batch.labels[i + 1] >= 0;
        let places: Vec<usize> = (0..batch.labels.len()).filter(predicts).collect();
        let targets: Vec<i64> = places.iter().map(|i| batch.labels[i + 1]).collect();
        let device = self.0.device();
        let ids = TensorData::new(
            batch.input_ids.iter().map(|id| i64::from(*id)).collect(),
            [batch.rows, batch.width],
        );
        let trained: Vec<u32> = places.iter().filter_map(|i| (*i).try_into().ok()).collect();
        let trained = TensorData::new(trained, [places.len()]);
        let positions = Positions {
            ids: Tensor::from_data(ids, &device),
            trained: Tensor::from_data(trained, &device),
            seed: share.seed,
        };
        let mut sum = 0.0;
        let gradients = adapter_gradients(self.0, adapter, &positions, Tape::Blocks, |hidden| {
            let loss = head_loss(&hidden, &targets, &self.0.head(), share.divisor, CHUNK_ROWS);
            sum = loss.sum;
            Ok::<_, BoxError>(loss.gradient)
        })?;
        Ok(Measured {
            loss: LossSum {
                sum,
                trained_tokens: targets.len(),
            },
            gradients,
        })
    }

    fn loss(&self, _: &LoraAdapter, _: &TokenBatch) -> Result<LossSum, BoxError> {
        Err("this program holds nothing out".into())
    }
}

fn main() -> Result<(), BoxError> {
    let folder = std::env::args().nth(1).ok_or("a model folder")?;
    let (tokenizer, _) = Tokenizer::from_folder(Path::new(&folder))?;
    let (decoder, _) = idiolect::model::load(Path::new(&folder), &Device::flex(), FloatDType::F32)?;
    let row = |text: &str| -> Result<TokenRow, BoxError> {
        Ok(TokenRow::whole(text.into(), tokenizer.encode_text(text)?))
    };
    let rows = [
        row("The harbour bell rings twice at dusk.")?,
        row("At dusk the harbour bell rings twice.")?,
    ];

    let device = Device::flex().autodiff();
    let adapter = LoraAdapter::new(&LoraConfig::default(), &decoder, 7, &device)?;
    let config = TrainConfig {
        epochs: 10,
        learning_rate: 2e-3,
        accumulation: 1,
        ..TrainConfig::default()
    };
    let objective = NextToken(&decoder);
    let trained =
        Trainer::new(&config, &objective, &rows, tokenizer.pad()).run(adapter, &mut |event| {
            if let Event::Step { row, .. } = event {
                println!("step {} loss {:.4}", row.step, row.loss);
            }
            ControlFlow::Continue(())
        })?;
    idiolect::lora::save(&trained.module.valid(), Path::new("adapter"), &folder)?;
    Ok(())
}
