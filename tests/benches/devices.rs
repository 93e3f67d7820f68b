//! What it costs to share a step: the adapters of every projection of `SmolLM2` (rank 8) on one device and on
//! two, with gradients that are there already, beside a real step on the CPU.
//!
//! The second device is the CPU again, and the one that `IDIOLECT_DEVICE` names. Run it with
//! `cargo bench --package idiolect-tests --bench devices`; it is no test, since machines differ.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark's own words"
)]

use std::ops::ControlFlow;
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, FloatDType};
use idiolect::finetune::{AdapterLoss, Loss};
use idiolect::lora::{Checkpointing, LoraAdapter, LoraConfig};
use idiolect::model::Decoder;
use idiolect::tokens::{TokenBatch, TokenRow};
use idiolect::train::{
    BoxError, Evaluated, LossSum, Objective, Replica, StepContext, StepLoss, TrainConfig, Trainer,
    TrainerEvent,
};
use idiolect_testkit::{device, smollm2_folder};

/// Has its gradients ready: the parameters themselves.
struct Ready;

impl Objective<LoraAdapter> for Ready {
    fn gradients(
        &self,
        adapter: &LoraAdapter,
        batch: &TokenBatch,
        _: StepContext,
    ) -> Result<StepLoss, BoxError> {
        let mut gradients = GradientsParams::new();
        for factor in adapter.factors.iter().flat_map(|both| [&both.a, &both.b]) {
            gradients.register(factor.id, factor.val().inner());
        }
        let loss = self.evaluate(adapter, batch)?.loss;
        Ok(StepLoss { loss, gradients })
    }

    fn evaluate(&self, _: &LoraAdapter, batch: &TokenBatch) -> Result<Evaluated, BoxError> {
        let trained_tokens = batch.rows * (batch.width - 1);
        let loss = LossSum {
            sum: 1.0,
            trained_tokens,
        };
        Ok(loss.into())
    }
}

/// Rows of so many tokens, all trained.
fn rows(count: usize, tokens: u32) -> Vec<TokenRow> {
    let row = |id: usize| TokenRow::all_trained(id.into(), (100..100 + tokens).collect());
    (0..count).map(row).collect()
}

/// Milliseconds of the median step.
fn step(trainer: &Trainer<'_, LoraAdapter>, start: LoraAdapter) -> f64 {
    let (mut before, mut times) = (Instant::now(), Vec::new());
    let run = trainer.run(start, &mut |event| {
        if let TrainerEvent::Step { .. } = event {
            times.push(before.elapsed().as_secs_f64() * 1e3);
            before = Instant::now();
        }
        ControlFlow::Continue(())
    });
    run.expect("a run");
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn adapter(decoder: &Decoder, device: &Device) -> LoraAdapter {
    let config = LoraConfig {
        targets: "all-linear".parse().expect("targets"),
        ..LoraConfig::default()
    };
    LoraAdapter::new(&config, decoder, 1, &device.clone().autodiff()).expect("an adapter")
}

fn main() {
    let Some(model) = smollm2_folder() else {
        return;
    };
    let loaded = idiolect::model::load(&model, &Device::flex(), FloatDType::F32);
    let (decoder, _) = loaded.expect("SmolLM2");
    let first = || adapter(&decoder, &Device::flex());
    println!("{} trained numbers", first().num_params());
    let config = TrainConfig {
        batch_size: 1,
        accumulation: 2,
        epochs: 1,
        ..TrainConfig::default()
    };
    let few = rows(60, 2);
    let alone = Trainer::new(&config, &Ready, &few, 0);
    let mut shared = vec![("flex", Device::flex())];
    if device().expect("a device") != Device::flex() {
        shared.push(("IDIOLECT_DEVICE", device().expect("a device")));
    }
    let own = step(&alone, first());
    println!("clipping and optimiser alone: {own:8.1} ms");
    for (name, second) in shared {
        let copy = adapter(&decoder, &second);
        let replica = Replica {
            module: &copy,
            objective: &Ready,
        };
        let trainer = Trainer {
            replicas: &[replica],
            ..Trainer::new(&config, &Ready, &few, 0)
        };
        let more = step(&trainer, first()) - own;
        println!("shared with {name}: {more:8.1} ms more");
    }
    let (objective, long) = (
        AdapterLoss {
            decoder: &decoder,
            checkpointing: Checkpointing::Off,
            loss: Loss::CrossEntropy,
            stored: None,
        },
        rows(6, 512),
    );
    let real = step(&Trainer::new(&config, &objective, &long, 0), first());
    println!("a real step, 2 x 512 tokens on flex: {real:8.1} ms");
}
