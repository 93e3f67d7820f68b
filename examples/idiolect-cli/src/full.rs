//! Full fine-tuning: every weight of the decoder trains in the same loop as an adapter does, in f32.
//!
//! One tape spans the whole decoder; blocks are never computed twice here.

use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData, activation};
use idiolect::model::{Decoder, ModelConfig, NoAdapter, SaveOptions, StoredType, Weights, save};
use idiolect::tokens::TokenBatch;
use idiolect::train::{
    BoxError, CHUNK_ROWS, Evaluated, LossSum, Measured, Objective, Share, Trainer, head_scores,
};

use crate::error::CliError;
use crate::keys::{ModelKeys, TrainKeys};
use crate::objective::{chosen, context, positions, trained};
use crate::opened::Opened;
use crate::training::{Run, follow};

/// Largest file of a trained model.
const SHARD_BYTES: u64 = 5_000_000_000;

/// The cross entropy of a whole decoder's trained tokens.
pub struct FullLoss {
    /// What the weights are the weights of.
    pub config: ModelConfig,
}

impl FullLoss {
    fn decoder(&self, weights: &Weights) -> Decoder {
        Decoder::new(self.config.clone(), weights.clone())
    }
}

impl Objective<Weights> for FullLoss {
    fn gradients(
        &self,
        weights: &Weights,
        batch: &TokenBatch,
        share: Share,
    ) -> Result<Measured, BoxError> {
        let decoder = self.decoder(weights);
        let (places, targets) = trained(batch);
        let trained_tokens = targets.len();
        let device = decoder.device().inner();
        let positions = positions(batch, places, share.seed, &device);
        let logits = decoder.logits(chosen(
            &decoder,
            &NoAdapter,
            &positions,
            &context(&decoder, batch),
        ));
        let targets = TensorData::new(targets, [trained_tokens, 1]);
        let likelihood = activation::log_softmax(logits, 1);
        let loss = likelihood
            .gather(1, Tensor::from_data(targets, &device))
            .sum()
            .neg();
        let sum = loss.clone().inner().into_data().iter::<f64>().sum();
        let tape = (loss / share.divisor).backward();
        Ok(Measured {
            loss: LossSum {
                sum,
                trained_tokens,
            },
            gradients: GradientsParams::from_grads(tape, weights),
        })
    }

    fn loss(&self, weights: &Weights, batch: &TokenBatch) -> Result<LossSum, BoxError> {
        Ok(self.evaluate(weights, batch)?.loss)
    }

    fn evaluate(&self, weights: &Weights, batch: &TokenBatch) -> Result<Evaluated, BoxError> {
        let decoder = self.decoder(weights);
        let (places, targets) = trained(batch);
        let positions = positions(batch, places, 0, &decoder.device());
        let hidden = chosen(&decoder, &NoAdapter, &positions, &context(&decoder, batch));
        let scores = head_scores(&hidden, &targets, &decoder.head(), CHUNK_ROWS);
        let loss = LossSum {
            sum: scores.nll.iter().map(|x| f64::from(*x)).sum(),
            trained_tokens: targets.len(),
        };
        let correct = scores.correct.iter().filter(|right| **right).count();
        Ok(Evaluated {
            loss,
            correct: Some(correct),
        })
    }
}

/// The weights on the tape, every one of them to be trained.
#[must_use]
pub fn trainable(decoder: &Decoder) -> Weights {
    let device = decoder.device().autodiff();
    let weights = decoder.weights.clone().set_require_grad(true);
    weights.fork(&device)
}

/// Refuses the settings that are about an adapter or several devices, and weights that cannot be trained.
///
/// # Errors
///
/// [`CliError::Setting`] names the setting.
pub fn check(model: &ModelKeys, train: &TrainKeys) -> Result<(), CliError> {
    let adapter = [
        ("--quantize", model.quantize.is_some()),
        ("--devices", !train.devices.is_empty()),
        ("--init-adapter", train.init_adapter.is_some()),
        ("--rank", train.rank.is_some()),
        ("--alpha", train.alpha.is_some()),
        ("--targets", train.targets.is_some()),
        ("--dora", train.dora.unwrap_or(false)),
        ("--rslora", train.rslora.unwrap_or(false)),
        ("--rank-pattern", !train.rank_pattern.is_empty()),
        ("--alpha-pattern", !train.alpha_pattern.is_empty()),
        ("--dropout", train.dropout.is_some()),
        ("--init", train.init.is_some()),
        ("--layers", !train.layers.is_empty()),
        ("--lora-plus-ratio", train.lora_plus_ratio.is_some()),
    ];
    if let Some((name, _)) = adapter.iter().find(|(_, given)| *given) {
        return Err(CliError::setting(name, "nothing beside --full", "a value"));
    }
    let dtype = model.dtype.as_deref().unwrap_or("f32");
    if dtype != "f32" {
        return Err(CliError::setting("--dtype", "f32 beside --full", dtype));
    }
    let tape = train.checkpoint_blocks.as_deref().unwrap_or("auto");
    if tape == "on" {
        let expected = "auto or off beside --full";
        return Err(CliError::setting("--checkpoint-blocks", expected, tape));
    }
    match train.loss.as_deref().unwrap_or("ce") {
        "ce" => Ok(()),
        other => Err(CliError::setting("--loss", "ce beside --full", other)),
    }
}

/// Trains every weight and leaves logs, checkpoints and the Hugging Face folder `model/` in the run
/// directory.
///
/// # Errors
///
/// As for [`crate::training::train`].
pub fn train(run: &Run<'_>) -> Result<(), CliError> {
    let opened = run.opened;
    let objective = FullLoss {
        config: opened.decoder.config.clone(),
    };
    let trainer = Trainer::new(run.config, &objective, run.rows, opened.pad_id());
    let start = trainable(&opened.decoder);
    let (weights, _) = follow(run, trainer, start, None)?;
    write(opened, weights.valid(), &run.out.join("model"))
}

fn write(opened: &Opened, weights: Weights, place: &Path) -> Result<(), CliError> {
    let decoder = Decoder::new(opened.decoder.config.clone(), weights);
    let options = SaveOptions {
        stored: StoredType::F32,
        max_shard_bytes: SHARD_BYTES,
    };
    save(&decoder, place, options)?;
    opened.text.save(place)?;
    Ok(())
}
