//! Training as PEFT trains: twenty steps on fixed batches from the same start, against the recorded losses,
//! gradient norms, learning rates and final weights.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use std::path::{Path, PathBuf};

use burn::module::{Module, Param};
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use idiolect::lora::{LoraAdapter, Tape};
use idiolect::model::Decoder;
use idiolect::tokens::TokenRow;
use idiolect::train::{Replica, StepRow, TrainConfig, Trainer};
use idiolect_cli::objective::{AdapterLoss, Loss};
use idiolect_testkit::{Tensors, assert_close, device, shared, smollm2_folder, workspace_root};
use serde_json::Value;

/// How far a run may be from its oracle.
struct Bounds {
    loss: f64,
    grad_norm: f64,
    weight_max: f32,
    weight_mean: f64,
}

/// Rounding alone moves the reference's own run by less than a twentieth of these.
const TINY: Bounds = Bounds {
    loss: 5e-5,
    grad_norm: 1e-5,
    weight_max: 3e-4,
    weight_mean: 1e-6,
};

fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// Rows of `[steps, batch, tokens]` batches, without their padding.
fn rows(tensors: &Tensors) -> (usize, Vec<TokenRow>) {
    let (shape, ids) = tensors.i64("train_input_ids");
    let (_, masks) = tensors.i64("train_attention_mask");
    let (_, labels) = tensors.i64("train_labels");
    let width = shape[2];
    let row = |(n, ids): (usize, &[i64])| {
        let real: i64 = masks[n * width..][..width].iter().sum();
        let real = usize::try_from(real).expect("a length");
        let id = |id: &i64| u32::try_from(*id).expect("an id");
        TokenRow {
            id: n.into(),
            input_ids: ids[..real].iter().map(id).collect(),
            labels: labels[n * width..][..real].to_vec(),
        }
    };
    (shape[1], ids.chunks(width).enumerate().map(row).collect())
}

/// Settings of a recorded run: file order, one epoch, the whole batch in one window.
fn config(trace: &Value, batch: usize) -> TrainConfig {
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

fn train(
    decoder: &Decoder,
    start: LoraAdapter,
    config: &TrainConfig,
    rows: &[TokenRow],
    tape: Tape,
) -> (LoraAdapter, Vec<StepRow>) {
    train_with(&[], (decoder, tape), start, config, rows)
}

/// Trains with the work of each step shared by further devices.
fn train_with(
    replicas: &[Replica<'_, LoraAdapter>],
    (decoder, tape): (&Decoder, Tape),
    start: LoraAdapter,
    config: &TrainConfig,
    rows: &[TokenRow],
) -> (LoraAdapter, Vec<StepRow>) {
    let objective = AdapterLoss {
        decoder,
        tape,
        loss: Loss::CrossEntropy,
    };
    let trainer = Trainer {
        replicas,
        ..Trainer::new(config, &objective, &rows, 0)
    };
    let mut steps = Vec::new();
    let trained = trainer.run(start, &mut |event| {
        if let idiolect::train::Event::Step { row, .. } = event {
            steps.push(row.clone());
        }
        std::ops::ControlFlow::Continue(())
    });
    (trained.expect("a trained adapter").module, steps)
}

fn compare(name: &str, trace: &Value, steps: &[StepRow], bounds: &Bounds) {
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

fn compare_weights(name: &str, got: &LoraAdapter, want: &LoraAdapter, bounds: &Bounds) {
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

fn tiny(model: &str, variants: &[&str]) {
    let Some(shared) = shared() else { return };
    let peft = shared.join("oracles/peft");
    let (batch, rows) = rows(&Tensors::read(&peft.join("batches.safetensors")));
    let folder = shared.join("oracles/tiny").join(model);
    let (decoder, _) = idiolect::model::load(&folder, &device(), FloatDType::F32).expect(model);
    for variant in variants {
        let folder = peft.join(model).join(variant);
        let trace = json(&folder.join("trace.json"));
        let load = |part: &str, device: &Device| {
            idiolect::lora::load(&folder.join(part), &decoder, device).expect(part)
        };
        for tape in [Tape::Blocks, Tape::Whole] {
            let name = format!("{model}/{variant} {tape:?}");
            let start = load("adapter_init", &device().autodiff());
            let (trained, steps) = train(&decoder, start, &config(&trace, batch), &rows, tape);
            compare(&name, &trace, &steps, &TINY);
            compare_weights(&name, &trained, &load("adapter_final", &device()), &TINY);
        }
    }
}

#[test]
fn llama_trains_as_peft_trains_it() {
    tiny(
        "tiny-llama3",
        &[
            "qv",
            "all",
            "qv_rslora",
            "qv_warmup_wd",
            "qv_accum",
            "qv_dora",
            "all_dora",
        ],
    );
}

/// The CPU has the run, and the device under test shares its work; there the CPU is its own second.
#[test]
fn two_devices_train_as_peft_trains_on_one() {
    let Some(shared) = shared() else { return };
    let peft = shared.join("oracles/peft");
    let (batch, rows) = rows(&Tensors::read(&peft.join("batches.safetensors")));
    let model = shared.join("oracles/tiny/tiny-llama3");
    let open = |device: &Device| {
        let (decoder, _) = idiolect::model::load(&model, device, FloatDType::F32).expect("a model");
        decoder
    };
    let (first, second) = (open(&Device::flex()), open(&device()));
    for variant in ["qv", "all_dora"] {
        let folder = peft.join("tiny-llama3").join(variant);
        let trace = json(&folder.join("trace.json"));
        let load = |decoder: &Decoder, part: &str| {
            let device = decoder.device().autodiff();
            idiolect::lora::load(&folder.join(part), decoder, &device).expect(part)
        };
        let config = TrainConfig {
            batch_size: batch / 4,
            accumulation: 4,
            ..config(&trace, batch)
        };
        for tape in [Tape::Blocks, Tape::Whole] {
            let objective = AdapterLoss {
                decoder: &second,
                tape,
                loss: Loss::CrossEntropy,
            };
            let replica = Replica {
                module: &load(&second, "adapter_init"),
                objective: &objective,
            };
            let start = load(&first, "adapter_init");
            let (trained, steps) = train_with(&[replica], (&first, tape), start, &config, &rows);
            let name = format!("two devices, {variant} {tape:?}");
            compare(&name, &trace, &steps, &TINY);
            compare_weights(&name, &trained, &load(&first, "adapter_final"), &TINY);
        }
    }
}

#[test]
fn mistral_trains_as_peft_trains_it() {
    tiny(
        "tiny-mistral",
        &[
            "qv",
            "qv_rslora",
            "all_rslora",
            "qv_clip_mixed",
            "qv_dora",
            "all_dora",
        ],
    );
}

#[test]
fn smollm2_trains_as_peft_trains_it() {
    let (Some(shared), Some(model)) = (shared(), smollm2_folder()) else {
        return;
    };
    let folder: PathBuf = shared.join("oracles/smollm2");
    let trace = json(&folder.join("oracle.json"))["lora"].clone();
    let (batch, rows) = rows(&Tensors::read(&folder.join("oracle.safetensors")));
    let (decoder, _) = idiolect::model::load(&model, &device(), FloatDType::F32).expect("SmolLM2");
    let tracked = device().autodiff();
    let start =
        idiolect::lora::load(&folder.join("adapter_init"), &decoder, &tracked).expect("init");
    let (trained, steps) = train(&decoder, start, &config(&trace, batch), &rows, Tape::Blocks);
    // Adam moves a weight by the whole rate whichever way rounding turns a vanishing gradient, so single
    // weights may end eight rates apart; the mean says whether the runs are one.
    let bounds = Bounds {
        loss: 1e-3,
        grad_norm: 1e-3,
        weight_max: 8e-3,
        weight_mean: 1e-5,
    };
    compare("SmolLM2", &trace, &steps, &bounds);
    let want = idiolect::lora::load(&folder.join("adapter_final"), &decoder, &device());
    compare_weights("SmolLM2", &trained, &want.expect("final"), &bounds);
}

/// The start that `tests/golden/modules.py` gives the factors.
fn modules_start(decoder: &Decoder, folder: &Path, device: &Device) -> LoraAdapter {
    let config = idiolect::lora::read_config(folder).expect("a configuration");
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
    let ids = Tensor::<2, Int>::from_data(ids, &device());
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
    let (batch, rows) = rows(&Tensors::read(&batches));
    let golden = workspace_root().join("tests/golden/modules");
    let traces = json(&golden.join("trace.json"));
    for (case, trace) in traces.as_object().expect("cases") {
        let base = trace["base"].as_str().expect("a name");
        let base = shared.join("oracles/tiny").join(base);
        let (decoder, _) = idiolect::model::load(&base, &device(), FloatDType::F32).expect(case);
        let folder = golden.join(case);
        let want = idiolect::lora::load(&folder, &decoder, &device()).expect(case);
        let (_, theirs) = Tensors::read(&folder.join("logits.safetensors")).f32("logits");
        assert_close(case, &logits(&decoder, &want), &theirs, 1e-4);
        for tape in [Tape::Blocks, Tape::Whole] {
            let name = format!("{case} {tape:?}");
            let start = modules_start(&decoder, &folder, &device().autodiff());
            let (trained, steps) = train(&decoder, start, &config(trace, batch), &rows, tape);
            compare(&name, trace, &steps, &TINY);
            compare_weights(&name, &trained, &want, &TINY);
            // What is trained on is not the decoder's own, and merging gives the same model.
            let trained = trained.valid();
            let ours = logits(&decoder, &trained);
            let merged = idiolect::lora::merge(decoder.clone(), &trained);
            let none = idiolect::lora::combine(&[(&trained, 1.0)]);
            assert!(none.is_err(), "{case}: whole modules cannot be added up");
            assert_eq!(merged.config.tied, case == "tied", "{case}");
            let place = tempfile::tempdir().expect("a folder");
            let options = idiolect::model::SaveOptions {
                stored: idiolect::model::StoredType::F32,
                max_shard_bytes: 1 << 30,
            };
            idiolect::model::save(&merged, place.path(), options).expect(case);
            let again = idiolect::model::load(place.path(), &device(), FloatDType::F32);
            let (again, _) = again.expect(case);
            let bare =
                LoraAdapter::new(&idiolect::lora::LoraConfig::default(), &again, 0, &device());
            assert_close(case, &logits(&again, &bare.expect(case)), &ours, 1e-4);
        }
    }
}
