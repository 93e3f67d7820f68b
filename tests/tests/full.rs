//! Full fine-tuning of tiny checkpoints beside `PyTorch`: `tests/golden/full.py` made the values.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests end them"
)]

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, FloatDType};
use idiolect::finetune::{FullLoss, trainable};
use idiolect::model::{Decoder, SaveOptions, StoredType, load, save};
use idiolect::tokens::TokenRow;
use idiolect::train::{Schedule, TrainConfig, Trainer, TrainerEvent};
use idiolect_testkit::{Tensors, shared};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/full.json")).unwrap()
}

/// The oracle's rows, without their padding.
fn rows(tensors: &Tensors) -> Vec<TokenRow> {
    let (shape, ids) = tensors.i64("right_input_ids").unwrap();
    let (_, masks) = tensors.i64("right_attention_mask").unwrap();
    let (_, labels) = tensors.i64("right_labels").unwrap();
    let width = shape[1];
    let row = |n: usize| {
        let real = masks[n * width..][..width].iter().sum::<i64>();
        let end = n * width + usize::try_from(real).unwrap();
        let id = |id: &i64| u32::try_from(*id).unwrap();
        TokenRow {
            id: n.into(),
            input_ids: ids[n * width..end].iter().map(id).collect(),
            labels: labels[n * width..end].to_vec(),
        }
    };
    (0..shape[0]).map(row).collect()
}

fn close(what: &str, found: f64, expected: &Value, bound: f64) {
    let expected = expected.as_f64().expect(what);
    let off = (found - expected).abs() / expected.abs();
    assert!(
        off <= bound,
        "{what}: {found}, expected {expected}: off by {off:e}"
    );
}

/// The norm of each tensor of a Hugging Face folder.
fn norms(folder: &Path) -> Vec<(String, f64)> {
    let tensors = Tensors::read(&folder.join("model.safetensors")).unwrap();
    let norm = |name: String| {
        let squares = tensors
            .f32(&name)
            .unwrap()
            .1
            .into_iter()
            .map(|x| f64::from(x).powi(2));
        (name, squares.sum::<f64>().sqrt())
    };
    tensors.names().unwrap().into_iter().map(norm).collect()
}

#[test]
fn all_weights_train_as_pytorch_trains_them() {
    let Some(shared) = shared() else { return };
    let golden = golden();
    for (name, trace) in golden.as_object().unwrap() {
        let folder = shared.join("oracles/tiny").join(name);
        let (decoder, _) = load(&folder, &Device::flex(), FloatDType::F32).expect(name);
        let rows = rows(&Tensors::read(&folder.join("oracle.safetensors")).unwrap());
        let config = TrainConfig {
            epochs: 6,
            // Two micro-batches make the batch that PyTorch saw at once.
            batch_size: 2,
            accumulation: 2,
            learning_rate: 1e-3,
            schedule: Schedule::Constant,
            weight_decay: 0.01,
            clip_norm: 1.0,
            shuffle: false,
            ..TrainConfig::default()
        };
        let objective = FullLoss {
            config: decoder.config.clone(),
        };
        let trainer = Trainer::new(&config, &objective, &rows, 0);
        let mut steps = Vec::new();
        let trained = trainer.run(trainable(decoder.weights.clone()), &mut |event| {
            if let TrainerEvent::Step { row, .. } = event {
                steps.push(row.clone());
            }
            ControlFlow::Continue(())
        });
        let expected = trace["steps"].as_array().unwrap();
        assert_eq!(steps.len(), expected.len(), "{name}");
        for (step, expected) in steps.iter().zip(expected) {
            let what = format!("{name} step {}", step.step);
            close(&what, step.loss, &expected["loss"], 2e-5);
            close(&what, step.grad_norm, &expected["grad_norm"], 1e-4);
        }
        let weights = trained.expect(name).module.valid();
        let place = tempfile::tempdir().unwrap();
        let options = SaveOptions {
            stored: StoredType::F32,
            max_shard_bytes: 1 << 30,
        };
        save(
            &Decoder::new(decoder.config, weights),
            place.path(),
            options,
        )
        .expect(name);
        let norms = norms(place.path());
        assert_eq!(norms.len(), trace["norms"].as_object().unwrap().len());
        for (tensor, norm) in norms {
            close(
                &format!("{name} {tensor}"),
                norm,
                &trace["norms"][&tensor],
                1e-5,
            );
        }
    }
}
