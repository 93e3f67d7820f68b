//! Adapters beside a base in bf16, in 8 and in 4 bits: `tests/golden/base_types.py` made the values.

use std::path::Path;

use burn::tensor::{Device, FloatDType};
use idiolect::lora::Checkpointing;
use idiolect::model::{Bits, Decoder, load, load_quantized};
use idiolect_testkit::{Tensors, shared, workspace_root};
use serde_json::Value;

use super::recorded::{Bounds, TINY, compare, config, json, rows, train};

/// The recorded runs beside one kind of base.
fn follow(kind: &str, base: impl Fn(&Path) -> Decoder, bounds: impl Fn(&Value, &Value) -> Bounds) {
    let Some(shared) = shared() else { return };
    let oracles = shared.join("oracles");
    let batches = Tensors::read(&oracles.join("peft/batches.safetensors")).unwrap();
    let (batch, rows) = rows(&batches);
    let golden = json(&workspace_root().join("tests/golden/base_types.json"));
    for (case, kinds) in golden.as_object().expect("cases") {
        let (model, _) = case.split_once('/').expect("a model and an adapter");
        let decoder = base(&oracles.join("tiny").join(model));
        let folder = oracles.join("peft").join(case);
        let in_f32 = json(&folder.join("trace.json"));
        let bounds = bounds(&kinds[kind], &in_f32);
        for checkpointing in [Checkpointing::Blocks, Checkpointing::Off] {
            let name = format!("{case} {kind} {checkpointing:?}");
            let start = folder.join("adapter_init");
            let device = Device::flex().autodiff();
            let start = idiolect::lora::load_adapter(&start, &decoder, &device).expect(case);
            let rows = &rows[..in_f32["loss"].as_array().expect("losses").len() * batch];
            let (_, steps) = train(
                &decoder,
                start,
                &config(&in_f32, batch),
                rows,
                checkpointing,
            );
            compare(&name, &kinds[kind], &steps, &bounds);
        }
    }
}

/// How far apart a number of two traces is, at the step where it is most.
fn apart(found: &Value, expected: &Value, list: &str, relative: bool) -> f64 {
    let numbers = |trace: &Value| -> Vec<f64> {
        let list = trace[list].as_array().expect("numbers").iter();
        list.map(|number| number.as_f64().expect("a number"))
            .collect()
    };
    let pairs = numbers(found).into_iter().zip(numbers(expected));
    let off = pairs.map(|(a, b)| (a - b).abs() / if relative { b } else { 1.0 });
    off.fold(0.0, f64::max)
}

/// Two programs round bf16 at other places: each is as far from f32 as PEFT is, together twice as far.
#[test]
fn twenty_steps_beside_a_base_in_bf16_follow_peft() {
    let base = |folder: &Path| load(folder, &Device::flex(), FloatDType::BF16).unwrap().0;
    follow("bf16", base, |in_bf16, in_f32| Bounds {
        loss: 2.0 * apart(in_bf16, in_f32, "loss", false),
        grad_norm: 2.0 * apart(in_bf16, in_f32, "grad_norm", true),
        ..TINY
    });
}

#[test]
fn twenty_steps_beside_a_quantised_base_follow_peft() {
    for (kind, bits) in [("8bits", Bits::Eight), ("4bits", Bits::Four)] {
        let base = |folder: &Path| {
            load_quantized(folder, &Device::flex(), FloatDType::F32, bits)
                .unwrap()
                .0
        };
        follow(kind, base, |_, _| TINY);
    }
}
