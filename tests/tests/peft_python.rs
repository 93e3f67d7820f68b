//! Adapters travel: what we train and save, Python's PEFT loads and computes the same with.
//!
//! Needs a Python with torch, transformers and peft, named by `IDIOLECT_PYTHON`; says so when it skips.

use std::process::Command;

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use idiolect::lora::{LoraAdapter, LoraConfig, Scaling, Tape, Targets};
use idiolect::tokens::TokenRow;
use idiolect::train::{TrainConfig, Trainer};
use idiolect_cli::objective::AdapterLoss;
use idiolect_testkit::{Tensors, assert_close, shared, workspace_root};

#[test]
fn python_computes_our_logits_with_our_adapter() {
    let Some(python) = std::env::var_os("IDIOLECT_PYTHON") else {
        eprintln!("skipped: IDIOLECT_PYTHON names no Python with torch, transformers and peft");
        return;
    };
    let Some(shared) = shared() else { return };
    let ids: Vec<u32> = vec![1, 30, 41, 52, 63, 3, 63, 52, 41, 30, 2];
    for (name, scaling) in [
        ("tiny-llama3", Scaling::Standard),
        ("tiny-mistral", Scaling::RankStabilized),
    ] {
        let folder = shared.join("oracles/tiny").join(name);
        let (decoder, _) =
            idiolect::model::load(&folder, &Device::flex(), FloatDType::F32).expect(name);
        let config = LoraConfig {
            targets: Targets::all_linear(),
            scaling,
            ..LoraConfig::default()
        };
        let start =
            LoraAdapter::new(&config, &decoder.config, 3, &Device::flex().autodiff()).expect(name);
        let labels = ids.iter().map(|id| i64::from(*id)).collect();
        let row = TokenRow {
            id: 0.into(),
            input_ids: ids.clone(),
            labels,
        };
        let train = TrainConfig {
            epochs: 8,
            learning_rate: 1e-2,
            accumulation: 1,
            ..TrainConfig::default()
        };
        let objective = AdapterLoss {
            decoder: &decoder,
            tape: Tape::Blocks,
        };
        let rows = [row];
        let trainer = Trainer::new(&train, &objective, &rows, 0);
        let trained = trainer
            .run(start, &mut |_| std::ops::ControlFlow::Continue(()))
            .expect(name);
        let adapter = trained.module.valid();

        let place = tempfile::tempdir().expect("a folder");
        let at = |file: &str| place.path().join(file);
        idiolect::lora::save(&adapter, &at("adapter"), name).expect(name);
        std::fs::write(at("ids.json"), serde_json::to_string(&ids).expect("JSON"))
            .expect("written");
        let script = workspace_root().join("tests/python/peft_logits.py");
        let run = Command::new(&python)
            .args([
                &script,
                &folder,
                &at("adapter"),
                &at("ids.json"),
                &at("out.safetensors"),
            ])
            .status();
        assert!(run.expect("Python runs").success(), "{name}");

        let wide: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
        let batch =
            Tensor::<2, Int>::from_data(TensorData::new(wide, [1, ids.len()]), &Device::flex());
        let hidden = decoder.hidden(batch, &adapter);
        let [_, tokens, width] = hidden.dims();
        let ours = decoder
            .logits(hidden.reshape([tokens, width]))
            .into_data()
            .iter::<f32>()
            .collect::<Vec<_>>();
        let (_, theirs) = Tensors::read(&at("out.safetensors")).f32("logits");
        assert_close(name, &ours, &theirs, 1e-4);
    }
}
