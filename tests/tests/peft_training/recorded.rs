//! A recorded run: its rows and settings, the same run with ours, and how far the two may be apart.

use std::path::Path;

use idiolect::finetune::{AdapterLoss, Loss};
use idiolect::lora::{Checkpointing, LoraAdapter};
use idiolect::model::Decoder;
use idiolect::tokens::TokenRow;
use idiolect::train::{Replica, StepRow, TrainConfig, Trainer};
use idiolect_testkit::{Tensors, bound};
use serde_json::Value;

/// How far a run may be from its oracle.
pub(super) struct Bounds {
    pub(super) loss: f64,
    pub(super) grad_norm: f64,
    pub(super) weight_max: f32,
    pub(super) weight_mean: f64,
}

/// Rounding alone moves the reference's own run by less than a twentieth of these.
pub(super) const TINY: Bounds = Bounds {
    loss: 5e-5,
    grad_norm: 1e-5,
    weight_max: 3e-4,
    weight_mean: 1e-6,
};

/// [`TINY`], or on a device that may multiply f32 in TF32 the bounds of that.
pub(super) fn tiny_bounds() -> Bounds {
    bound(
        TINY,
        Bounds {
            loss: 0.02,
            grad_norm: 0.012,
            weight_max: 0.065,
            weight_mean: 1e-3,
        },
    )
}

pub(super) fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// Rows of `[steps, batch, tokens]` batches, without their padding.
pub(super) fn rows(tensors: &Tensors) -> (usize, Vec<TokenRow>) {
    let (shape, ids) = tensors.i64("train_input_ids").unwrap();
    let (_, masks) = tensors.i64("train_attention_mask").unwrap();
    let (_, labels) = tensors.i64("train_labels").unwrap();
    let width = shape[2];
    let row = |(n, ids): (usize, &[i64])| {
        let real: i64 = masks[n * width..][..width].iter().sum();
        let real = usize::try_from(real).expect("a length");
        let id = |id: &i64| u32::try_from(*id).expect("an id");
        TokenRow {
            id: n.into(),
            input_ids: ids[..real].iter().map(id).collect(),
            labels: labels[n * width..][..real].to_vec(),
            teacher: Vec::new(),
        }
    };
    (shape[1], ids.chunks(width).enumerate().map(row).collect())
}

/// Settings of a recorded run: file order, one epoch, the whole batch in one window.
pub(super) fn config(trace: &Value, batch: usize) -> TrainConfig {
    let number = |place: &str, default: f64| {
        trace
            .pointer(place)
            .and_then(Value::as_f64)
            .unwrap_or(default)
    };
    let whole = |place: &str, default: u64| {
        let n = trace
            .pointer(place)
            .and_then(Value::as_u64)
            .unwrap_or(default);
        usize::try_from(n).expect("small")
    };
    let accumulation = whole("/accumulation", 1);
    TrainConfig {
        epochs: 1,
        batch_size: batch / accumulation,
        accumulation,
        learning_rate: number("/optimizer/lr", 1e-3),
        warmup_steps: whole("/schedule/warmup_steps", 0),
        weight_decay: number("/optimizer/weight_decay", 0.0),
        clip_norm: number("/clip", 1.0),
        shuffle: false,
        length_grouping: false,
        ..TrainConfig::default()
    }
}

pub(super) fn train(
    decoder: &Decoder,
    start: LoraAdapter,
    config: &TrainConfig,
    rows: &[TokenRow],
    checkpointing: Checkpointing,
) -> (LoraAdapter, Vec<StepRow>) {
    train_with(&[], (decoder, checkpointing), start, config, rows)
}

/// Trains with the work of each step shared by further devices.
pub(super) fn train_with(
    replicas: &[Replica<'_, LoraAdapter>],
    (decoder, checkpointing): (&Decoder, Checkpointing),
    start: LoraAdapter,
    config: &TrainConfig,
    rows: &[TokenRow],
) -> (LoraAdapter, Vec<StepRow>) {
    let objective = AdapterLoss {
        decoder,
        checkpointing,
        loss: Loss::CrossEntropy,
        stored: None,
    };
    let trainer = Trainer {
        replicas,
        ..Trainer::new(config, &objective, &rows, 0)
    };
    let mut steps = Vec::new();
    let trained = trainer.run(start, &mut |event| {
        if let idiolect::train::TrainerEvent::Step { row, .. } = event {
            steps.push(row.clone());
        }
        std::ops::ControlFlow::Continue(())
    });
    (trained.expect("a trained adapter").module, steps)
}

pub(super) fn compare(name: &str, trace: &Value, steps: &[StepRow], bounds: &Bounds) {
    let want = |list: &str, i: usize| trace[list][i].as_f64().expect("a number");
    assert_eq!(
        steps.len(),
        trace["loss"].as_array().expect("losses").len(),
        "{name}: steps"
    );
    for (i, step) in steps.iter().enumerate() {
        let off = (step.loss - want("loss", i)).abs();
        assert!(
            off <= bounds.loss,
            "{name} step {i}: loss {} is off by {off:e}",
            step.loss
        );
        let norm = want("grad_norm", i);
        let off = (step.grad_norm - norm).abs() / norm;
        assert!(
            off <= bounds.grad_norm,
            "{name} step {i}: gradient norm {} is off by {off:e}",
            step.grad_norm
        );
        let off = (step.lr - want("lr", i)).abs();
        assert!(
            off <= 1e-12,
            "{name} step {i}: learning rate {} is off by {off:e}",
            step.lr
        );
    }
}

fn weights(adapter: &LoraAdapter) -> Vec<f32> {
    let parts = adapter.factors.iter().flat_map(|f| {
        let magnitude = f.magnitude.as_ref().map(|m| m.val().into_data());
        let factors = [f.a.val(), f.b.val()].map(|factor| Some(factor.into_data()));
        factors.into_iter().chain([magnitude]).flatten()
    });
    let whole = &adapter.whole;
    let words = [&whole.embedding, &whole.head].into_iter().flatten();
    let words = words.map(|words| words.val().into_data());
    let norms = whole.norms.iter().map(|norm| norm.val().into_data());
    parts
        .chain(words)
        .chain(norms)
        .flat_map(|data| data.iter::<f32>().collect::<Vec<_>>())
        .collect()
}

pub(super) fn compare_weights(name: &str, got: &LoraAdapter, want: &LoraAdapter, bounds: &Bounds) {
    let (got, want) = (weights(got), weights(want));
    let off: Vec<f32> = got.iter().zip(&want).map(|(a, b)| (a - b).abs()).collect();
    let max = off.iter().copied().fold(0.0, f32::max);
    let mean = off.iter().map(|x| f64::from(*x)).sum::<f64>() / off.len() as f64;
    assert!(
        max <= bounds.weight_max,
        "{name}: final weights are off by {max:e}"
    );
    assert!(
        mean <= bounds.weight_mean,
        "{name}: final weights are off by {mean:e} on average"
    );
}
