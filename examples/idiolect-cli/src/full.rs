//! Full fine-tuning: every weight of the decoder trains in the same loop as an adapter does, in f32.
//!
//! One tape spans the whole decoder; blocks are never computed twice here.

use std::path::Path;

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use idiolect::model::{Decoder, ModelConfig, NoAdapter, SaveOptions, StoredType, Weights, save};
use idiolect::tokens::TokenBatch;
use idiolect::train::{
    BoxError, CHUNK_ROWS, Evaluated, LossSum, Measured, Objective, Share, Trainer, head_scores,
    trained_head_loss,
};

use crate::error::CliError;
use crate::keys::{ModelKeys, TrainKeys};
use crate::objective::{chosen, context, positions, trained};
use crate::opened::Opened;
use crate::planning::{Plan, Trained};
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
        let hidden = chosen(&decoder, &NoAdapter, &positions, &context(&decoder, batch));
        let head = decoder.head();
        let (loss, slope) = trained_head_loss(&hidden, &targets, &head, share.divisor, CHUNK_ROWS);
        // The tape ends before the head, whose own gradients it starts from: those of these products.
        let back = (hidden * loss.gradient.autodiff()).sum() + (head * slope.autodiff()).sum();
        Ok(Measured {
            loss: LossSum {
                sum: loss.sum,
                trained_tokens,
            },
            gradients: GradientsParams::from_grads(back.backward(), weights),
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

/// The weights of a decoder, which keeps none: held here and there, they would take twice their memory from
/// the first step on. Its configuration, device and dtype stay.
#[must_use]
pub fn take(decoder: &mut Decoder) -> Weights {
    let like = |param: &Param<Tensor<2>>| {
        let none = param.val().slice([0..1, 0..1]);
        Param::from_tensor(none.zeros_like())
    };
    let none = Weights {
        embedding: like(&decoder.weights.embedding),
        blocks: Vec::new(),
        norm: Param::from_tensor(decoder.weights.norm.val().zeros_like()),
        head: None,
    };
    std::mem::replace(&mut decoder.weights, none)
}

/// The weights on the tape, every one of them to be trained.
#[must_use]
pub fn trainable(weights: Weights) -> Weights {
    let device = weights.norm.val().device().autodiff();
    weights.set_require_grad(true).fork(&device)
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
        ("--modules-to-save", !train.modules_to_save.is_empty()),
        ("--ensure-weight-tying", train.ensure_weight_tying.is_some()),
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

/// Trains every weight and leaves `plan.json`, logs, `curves.svg`, checkpoints and the Hugging Face folder `model/` in the run
/// directory.
///
/// # Errors
///
/// As for [`crate::training::train`].
pub fn train(run: &Run<'_>, weights: Weights) -> Result<(), CliError> {
    let opened = run.opened;
    let plan = Plan::new(run, Trained::Weights(&weights))?;
    plan.write(&run.out.join("plan.json"))?;
    let objective = FullLoss {
        config: opened.decoder.config.clone(),
    };
    let trainer = Trainer::new(run.config, &objective, run.rows, opened.pad_id());
    let (weights, _) = follow(run, trainer, trainable(weights), &plan.line())?;
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
