//! Whole trajectories against `torch.optim.AdamW`: `golden/make.py` made the files.

use std::path::Path;

use idiolect_tokens::TokenRow;
use idiolect_train::{RunFolder, StepRow, TrainConfig, Trainer};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::tiny::{NextToken, Tiny, run};

pub(crate) fn matrix(value: &Value) -> Vec<f32> {
    serde_json::from_value::<Vec<Vec<f32>>>(value.clone())
        .unwrap()
        .concat()
}

#[track_caller]
pub(crate) fn assert_close(what: &str, found: &[f32], golden: &Value, tolerance: f64) {
    let golden = matrix(golden);
    assert_eq!(found.len(), golden.len(), "{what}");
    for (index, (found, golden)) in found.iter().zip(golden).enumerate() {
        let distance = f64::from((found - golden).abs());
        assert!(
            distance <= tolerance,
            "{what}[{index}]: {found} against {golden}"
        );
    }
}

fn config(golden: &Value) -> TrainConfig {
    let base = TrainConfig {
        shuffle: false,
        length_grouping: false,
        checkpoint_every: 1000,
        ..TrainConfig::default()
    };
    let Value::Object(mut fields) = serde_json::to_value(base).unwrap() else {
        unreachable!()
    };
    fields.extend(golden["config"].as_object().unwrap().clone());
    serde_json::from_value(Value::Object(fields)).unwrap()
}

fn check(case: &str) {
    let path = format!("{}/tests/golden/{case}.json", env!("CARGO_MANIFEST_DIR"));
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let token_rows: Vec<TokenRow> = serde_json::from_value(golden["rows"].clone()).unwrap();
    let config = config(&golden);
    let initial = &golden["initial"];
    let module = Tiny::new(matrix(&initial["embedding"]), matrix(&initial["head"]));
    let folder = tempfile::tempdir().unwrap();
    let nothing = std::collections::BTreeMap::new();
    let trainer = Trainer {
        folder: Some(RunFolder {
            path: folder.path(),
            resume: false,
            fixed: &nothing,
        }),
        ..Trainer::new(&config, &NextToken, &token_rows, 0)
    };
    let (trained, steps) = run(&trainer, module).unwrap();

    check_steps(&steps, &golden);
    let tolerance = golden["tolerance"]["parameters"].as_f64().unwrap();
    let [embedding, head] = trained.module.values();
    assert_close(
        "embedding",
        &embedding,
        &golden["final"]["embedding"],
        tolerance,
    );
    assert_close("head", &head, &golden["final"]["head"], tolerance);
    check_moments(
        &folder
            .path()
            .join(format!("checkpoints/step-{}", steps.len())),
        &golden,
    );
}

fn check_steps(steps: &[StepRow], golden: &Value) {
    let golden_steps = golden["steps"].as_array().unwrap();
    let tolerance = |name: &str| golden["tolerance"][name].as_f64().unwrap();
    assert_eq!(steps.len(), golden_steps.len());
    for (found, golden) in steps.iter().zip(golden_steps) {
        let step = found.step;
        let value = |name: &str| golden[name].as_f64().unwrap();
        assert!(
            (found.loss - value("loss")).abs() < tolerance("loss"),
            "loss, step {step}"
        );
        assert!(
            (found.lr - value("lr")).abs() < tolerance("lr"),
            "rate, step {step}"
        );
        let norm = (found.grad_norm / value("grad_norm") - 1.0).abs();
        assert!(norm < tolerance("grad_norm_relative"), "norm, step {step}");
        assert_eq!(
            found.trained_tokens as u64,
            golden["trained_tokens"].as_u64().unwrap()
        );
    }
}

/// The optimiser's state as the checkpoint holds it.
fn check_moments(checkpoint: &Path, golden: &Value) {
    let file = std::fs::read(checkpoint.join("optimizer.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let tolerance = golden["tolerance"]["moments"].as_f64().unwrap();
    for name in ["embedding", "head"] {
        for kind in ["mean", "square"] {
            let key = format!("{name}.{kind}");
            let data = tensors.tensor(&key).unwrap().data().to_vec();
            let found: Vec<f32> = data
                .as_chunks()
                .0
                .iter()
                .map(|&bytes| f32::from_le_bytes(bytes))
                .collect();
            assert_close(&key, &found, &golden[kind][name], tolerance);
        }
    }
}

#[test]
fn cosine_with_warm_up_decay_clipping_and_accumulation_follows_pytorch() {
    check("cosine");
}

#[test]
fn linear_without_clipping_follows_pytorch() {
    check("linear");
}

#[test]
fn constant_with_a_short_last_window_follows_pytorch() {
    check("constant");
}
