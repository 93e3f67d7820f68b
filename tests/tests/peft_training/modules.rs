//! Embedding, head and norms that train whole beside the factors.

use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use idiolect::lora::{Checkpointing, LoraAdapter, ScaledAdapter};
use idiolect::model::Decoder;
use idiolect_testkit::{Tensors, assert_close, bound, device, shared, workspace_root};

use super::recorded::{compare, compare_weights, config, json, rows, tiny_bounds, train};

/// The start that `tests/golden/modules.py` gives the factors.
fn modules_start(decoder: &Decoder, folder: &Path, device: &Device) -> LoraAdapter {
    let config = idiolect::lora::read_adapter_config(folder).expect("a configuration");
    let mut adapter = LoraAdapter::new(&config, decoder, 0, device).expect("an adapter");
    for (n, factors) in adapter.factors.iter_mut().enumerate() {
        let [input, rank] = factors.a.val().dims();
        let value = |at: usize| {
            let (j, i) = (at / rank, at % rank);
            0.1 * (1.3 * n as f64 + 0.7 * i as f64 + 0.37 * j as f64).sin()
        };
        let values: Vec<f64> = (0..input * rank).map(value).collect();
        let data = TensorData::new(values, [input, rank]);
        let options = (device, burn::tensor::DType::F32);
        factors.a = Param::from_tensor(Tensor::from_data(data, options));
    }
    adapter
}

fn logits(decoder: &Decoder, adapter: &LoraAdapter) -> Vec<f32> {
    let ids = TensorData::from([[1i64, 30, 41, 52, 63, 3, 63, 52, 41, 30, 2]]);
    let ids = Tensor::<2, Int>::from_data(ids, &device().unwrap());
    let decoder = adapter.decoder(decoder);
    let hidden = decoder.hidden(ids, adapter);
    let [_, tokens, width] = hidden.dims();
    let logits = decoder.logits(hidden.reshape([tokens, width]));
    logits.into_data().iter::<f32>().collect()
}

/// Embedding, head and norms beside the factors; a tied head kept so, and parted from the embedding.
#[test]
fn modules_train_whole_as_peft_trains_them() {
    let Some(shared) = shared() else { return };
    let batches = shared.join("oracles/peft/batches.safetensors");
    let (batch, rows) = rows(&Tensors::read(&batches).unwrap());
    let golden = workspace_root().join("tests/golden/modules");
    let traces = json(&golden.join("trace.json"));
    for (case, trace) in traces.as_object().expect("cases") {
        let base = trace["base"].as_str().expect("a name");
        let base = shared.join("oracles/tiny").join(base);
        let (decoder, _) =
            idiolect::model::load(&base, &device().unwrap(), FloatDType::F32).expect(case);
        let folder = golden.join(case);
        let want = idiolect::lora::load_adapter(&folder, &decoder, &device().unwrap()).expect(case);
        let (_, theirs) = Tensors::read(&folder.join("logits.safetensors"))
            .unwrap()
            .f32("logits")
            .unwrap();
        assert_close(case, &logits(&decoder, &want), &theirs, bound(1e-4, 0.2));
        for checkpointing in [Checkpointing::Blocks, Checkpointing::Off] {
            let name = format!("{case} {checkpointing:?}");
            let start = modules_start(&decoder, &folder, &device().unwrap().autodiff());
            let (trained, steps) =
                train(&decoder, start, &config(trace, batch), &rows, checkpointing);
            compare(&name, trace, &steps, &tiny_bounds());
            compare_weights(&name, &trained, &want, &tiny_bounds());
            // What is trained on is not the decoder's own, and merging gives the same model.
            let trained = trained.valid();
            let ours = logits(&decoder, &trained);
            let merged = idiolect::lora::merge(decoder.clone(), &trained).expect(case);
            let none = idiolect::lora::combine(&[ScaledAdapter {
                adapter: trained.clone(),
                weight: 1.0,
            }]);
            assert!(none.is_err(), "{case}: whole modules cannot be added up");
            assert_eq!(merged.config.tied, case == "tied", "{case}");
            let place = tempfile::tempdir().expect("a folder");
            let options = idiolect::model::SaveOptions {
                stored: idiolect::model::StoredType::F32,
                max_shard_bytes: 1 << 30,
            };
            idiolect::model::save(&merged, place.path(), options).expect(case);
            let again = idiolect::model::load(place.path(), &device().unwrap(), FloatDType::F32);
            let (again, _) = again.expect(case);
            let bare = LoraAdapter::new(
                &idiolect::lora::LoraConfig::default(),
                &again,
                0,
                &device().unwrap(),
            );
            assert_close(
                case,
                &logits(&again, &bare.expect(case)),
                &ours,
                bound(1e-4, 0.2),
            );
        }
    }
}
