//! Training as PEFT trains: twenty steps on fixed batches from the same start, against the recorded losses,
//! gradient norms, learning rates and final weights.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

#[path = "peft_training/base_types.rs"]
mod base_types;
#[path = "peft_training/devices.rs"]
mod devices;
#[path = "peft_training/modules.rs"]
mod modules;
#[path = "peft_training/recorded.rs"]
mod recorded;

use std::path::PathBuf;

use burn::tensor::{Device, FloatDType};
use idiolect::lora::Checkpointing;
use idiolect_testkit::{Tensors, bound, device, shared, smollm2_folder};
use recorded::{Bounds, compare, compare_weights, config, json, rows, tiny_bounds, train};

fn tiny(model: &str, variants: &[&str]) {
    of_year("", model, variants);
}

/// Runs on checkpoints of `oracles/tiny` and `oracles/peft` with `year` behind their names.
fn of_year(year: &str, model: &str, variants: &[&str]) {
    let Some(shared) = shared() else { return };
    let oracles = shared.join("oracles");
    let batches = Tensors::read(&oracles.join("peft/batches.safetensors")).unwrap();
    let (batch, rows) = rows(&batches);
    let peft = oracles.join(format!("peft{year}"));
    let folder = oracles.join(format!("tiny{year}")).join(model);
    let (decoder, _) =
        idiolect::model::load(&folder, &device().unwrap(), FloatDType::F32).expect(model);
    for variant in variants {
        let folder = peft.join(model).join(variant);
        let trace = json(&folder.join("trace.json"));
        let steps = trace["loss"].as_array().expect("losses").len();
        let rows = rows[..steps * batch].to_vec();
        let load = |part: &str, device: &Device| {
            idiolect::lora::load_adapter(&folder.join(part), &decoder, device).expect(part)
        };
        for checkpointing in [Checkpointing::Blocks, Checkpointing::Off] {
            let name = format!("{model}/{variant} {checkpointing:?}");
            let start = load("adapter_init", &device().unwrap().autodiff());
            let (trained, steps) = train(
                &decoder,
                start,
                &config(&trace, batch),
                &rows,
                checkpointing,
            );
            compare(&name, &trace, &steps, &tiny_bounds());
            compare_weights(
                &name,
                &trained,
                &load("adapter_final", &device().unwrap()),
                &tiny_bounds(),
            );
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
fn newer_classes_train_as_peft_trains_them() {
    for model in [
        "tiny-qwen2",
        "tiny-qwen3",
        "tiny-ministral3",
        "tiny-mistral3-wrapper",
    ] {
        of_year("-2026", model, &["qv_r4"]);
    }
}

#[test]
fn smollm2_trains_as_peft_trains_it() {
    let (Some(shared), Some(model)) = (shared(), smollm2_folder()) else {
        return;
    };
    let folder: PathBuf = shared.join("oracles/smollm2");
    let trace = json(&folder.join("oracle.json"))["lora"].clone();
    let (batch, rows) = rows(&Tensors::read(&folder.join("oracle.safetensors")).unwrap());
    let (decoder, _) =
        idiolect::model::load(&model, &device().unwrap(), FloatDType::F32).expect("SmolLM2");
    let tracked = device().unwrap().autodiff();
    let start = idiolect::lora::load_adapter(&folder.join("adapter_init"), &decoder, &tracked)
        .expect("init");
    let (trained, steps) = train(
        &decoder,
        start,
        &config(&trace, batch),
        &rows,
        Checkpointing::Blocks,
    );
    // Adam moves a weight by the whole rate whichever way rounding turns a vanishing gradient, so single
    // weights may end eight rates apart; the mean says whether the runs are one.
    let bounds = Bounds {
        loss: bound(1e-3, 5e-3),
        grad_norm: bound(1e-3, 0.015),
        weight_max: 8e-3,
        weight_mean: bound(1e-5, 5e-5),
    };
    compare("SmolLM2", &trace, &steps, &bounds);
    let want =
        idiolect::lora::load_adapter(&folder.join("adapter_final"), &decoder, &device().unwrap());
    compare_weights("SmolLM2", &trained, &want.expect("final"), &bounds);
}
