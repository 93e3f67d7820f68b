//! Adapters travel: what we train and save, Python's PEFT loads and computes the same with.
//!
//! Needs a Python with torch, transformers and peft, named by `IDIOLECT_PYTHON`; says so when it skips.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use idiolect::lora::{LoraAdapter, LoraConfig, Scaling, Tape, Targets};
use idiolect::model::Decoder;
use idiolect::tokens::TokenRow;
use idiolect::train::{TrainConfig, Trainer};
use idiolect_cli::objective::{AdapterLoss, Loss};
use idiolect_testkit::{Tensors, assert_close, shared, workspace_root};

/// An adapter that has moved: eight steps on one row.
fn trained(decoder: &Decoder, scaling: Scaling, ids: &[u32]) -> LoraAdapter {
    let config = LoraConfig {
        targets: Targets::AllLinear,
        scaling,
        ..LoraConfig::default()
    };
    let device = Device::flex().autodiff();
    let start = LoraAdapter::new(&config, &decoder, 3, &device).expect("an adapter");
    let row = TokenRow {
        id: 0.into(),
        input_ids: ids.to_vec(),
        labels: ids.iter().map(|id| i64::from(*id)).collect(),
    };
    let train = TrainConfig {
        epochs: 8,
        learning_rate: 1e-2,
        accumulation: 1,
        ..TrainConfig::default()
    };
    let objective = AdapterLoss {
        decoder,
        tape: Tape::Blocks,
        loss: Loss::CrossEntropy,
    };
    let rows = [row];
    let trainer = Trainer::new(&train, &objective, &rows, 0);
    let trained = trainer.run(start, &mut |_| ControlFlow::Continue(()));
    trained.expect("training").module.valid()
}

/// What `PEFT` computes with the model of one folder and the adapter of another.
fn peft_logits(python: &OsStr, model: &Path, adapter: &Path, ids: &[u32]) -> Vec<f32> {
    let place = tempfile::tempdir().expect("a folder");
    let (ids_file, out) = (
        place.path().join("ids.json"),
        place.path().join("out.safetensors"),
    );
    std::fs::write(&ids_file, format!("{ids:?}")).expect("written");
    let script = workspace_root().join("tests/python/peft_logits.py");
    let run = Command::new(python)
        .args([&script, model, adapter, &ids_file, &out])
        .status();
    assert!(run.expect("Python runs").success(), "{}", script.display());
    Tensors::read(&out).f32("logits").1
}

fn our_logits(decoder: &Decoder, adapter: &LoraAdapter, ids: &[u32]) -> Vec<f32> {
    let batch = TensorData::new(ids.to_vec(), [1, ids.len()]);
    let hidden = decoder.hidden(Tensor::<2, Int>::from_data(batch, &Device::flex()), adapter);
    let [_, tokens, width] = hidden.dims();
    let logits = decoder.logits(hidden.reshape([tokens, width]));
    logits.into_data().iter::<f32>().collect()
}

#[test]
fn python_computes_our_logits_with_our_adapter() {
    let Some(python) = std::env::var_os("IDIOLECT_PYTHON") else {
        eprintln!("skipped: IDIOLECT_PYTHON names no Python with torch, transformers and peft");
        return;
    };
    let Some(shared) = shared() else { return };
    let ids = [1, 30, 41, 52, 63, 3, 63, 52, 41, 30, 2];
    for (name, scaling) in [
        ("tiny-llama3", Scaling::Standard),
        ("tiny-mistral", Scaling::RankStabilized),
    ] {
        let folder = shared.join("oracles/tiny").join(name);
        let loaded = idiolect::model::load(&folder, &Device::flex(), FloatDType::F32);
        let (decoder, _) = loaded.expect(name);
        let adapter = trained(&decoder, scaling, &ids);
        let place = tempfile::tempdir().expect("a folder");
        idiolect::lora::save(&adapter, place.path(), name).expect(name);
        let theirs = peft_logits(&python, &folder, place.path(), &ids);
        assert_close(name, &our_logits(&decoder, &adapter, &ids), &theirs, 1e-4);
    }
}
