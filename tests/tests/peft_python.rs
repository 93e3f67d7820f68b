//! Adapters travel: what we train and save, Python's PEFT loads and computes the same with.
//!
//! Needs a Python with torch, transformers and peft, named by `IDIOLECT_PYTHON`; says so when it skips.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use idiolect::lora::{Init, LoraAdapter, LoraConfig, Scaling, Targets};
use idiolect::model::Decoder;
use idiolect::tokens::TokenRow;
use idiolect_testkit::{Tensors, assert_close, shared, workspace_root};
use idiolect_tests::learn;

/// A Python with PEFT, and the tiny checkpoints; none, with a word on standard error, where either is absent.
fn needed() -> Option<(OsString, PathBuf)> {
    let python = std::env::var_os("IDIOLECT_PYTHON");
    if python.is_none() {
        idiolect_testkit::skipped(
            "IDIOLECT_PYTHON names no Python with torch, transformers and peft",
        );
    }
    Some((python?, shared()?.join("oracles/tiny")))
}

/// An adapter that has moved: eight steps on one row.
fn trained(decoder: &Decoder, config: &LoraConfig, ids: &[u32]) -> LoraAdapter {
    let row = TokenRow::all_trained(0.into(), ids.to_vec());
    learn(decoder, config, &row, 8).1
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
    Tensors::read(&out).unwrap().f32("logits").unwrap().1
}

fn our_logits(decoder: &Decoder, adapter: &LoraAdapter, ids: &[u32]) -> Vec<f32> {
    let batch = TensorData::new(ids.to_vec(), [1, ids.len()]);
    let decoder = adapter.decoder(decoder);
    let hidden = decoder.hidden(Tensor::<2, Int>::from_data(batch, &Device::flex()), adapter);
    let [_, tokens, width] = hidden.dims();
    let logits = decoder.logits(hidden.reshape([tokens, width]));
    logits.into_data().iter::<f32>().collect()
}

/// Every option that changes what the files of an adapter mean.
fn cases() -> Vec<(&'static str, LoraConfig)> {
    let all = LoraConfig {
        targets: Targets::AllLinear,
        ..LoraConfig::default()
    };
    let plain = LoraConfig::default;
    let scaling = Scaling::RankStabilized;
    vec![
        ("tiny-llama3", all.clone()),
        (
            "tiny-mistral",
            LoraConfig {
                scaling,
                ..all.clone()
            },
        ),
        (
            "tiny-llama3",
            LoraConfig {
                dora: true,
                dropout: 0.1,
                ..all
            },
        ),
        (
            "tiny-mistral",
            LoraConfig {
                init: Init::Pissa,
                ..plain()
            },
        ),
        (
            "tiny-llama3",
            LoraConfig {
                init: Init::Pissa,
                scaling,
                ..plain()
            },
        ),
        (
            "tiny-llama3",
            LoraConfig {
                targets: Targets::Pattern(r".*\.[02]\.(mlp\.up|self_attn\.(q|k))_proj".into()),
                rank_pattern: vec![
                    ("layers.0.self_attn.q_proj".into(), 2),
                    ("q_proj".into(), 5),
                ],
                alpha_pattern: vec![("up_proj".into(), 4.5)],
                ..plain()
            },
        ),
        (
            "tiny-mistral",
            LoraConfig {
                layers: Some(vec![1]),
                ..plain()
            },
        ),
    ]
}

/// Another start, exclusions and biases.
fn more_cases() -> Vec<(&'static str, LoraConfig)> {
    let plain = LoraConfig::default;
    let scaling = Scaling::RankStabilized;
    vec![
        (
            "tiny-llama3",
            LoraConfig {
                init: Init::Olora,
                scaling,
                ..plain()
            },
        ),
        (
            "tiny-mistral",
            LoraConfig {
                lora_bias: true,
                targets: Targets::AllLinear,
                exclude_modules: Some(Targets::Pattern(r".*(?<!q|v)_proj".into())),
                ..plain()
            },
        ),
    ]
}

/// Modules that train whole: beside a head of its own, with a tied head, and parted from it.
fn whole_cases() -> Vec<(&'static str, LoraConfig)> {
    let plain = LoraConfig::default;
    vec![
        (
            "tiny-llama3",
            LoraConfig {
                modules_to_save: vec!["embed_tokens".into(), "lm_head".into(), "norm".into()],
                ..plain()
            },
        ),
        (
            "tiny-llama-tied",
            LoraConfig {
                modules_to_save: vec!["embed_tokens".into(), "lm_head".into()],
                ensure_weight_tying: true,
                ..plain()
            },
        ),
        (
            "tiny-llama-tied",
            LoraConfig {
                modules_to_save: vec!["lm_head".into()],
                ..plain()
            },
        ),
    ]
}

#[test]
fn python_computes_our_logits_with_our_adapter() {
    let Some((python, tiny)) = needed() else {
        return;
    };
    let ids = [1, 30, 41, 52, 63, 3, 63, 52, 41, 30, 2];
    for (name, config) in cases().into_iter().chain(more_cases()).chain(whole_cases()) {
        let folder = tiny.join(name);
        let loaded = idiolect::model::load(&folder, &Device::flex(), FloatDType::F32);
        let (decoder, _) = loaded.expect(name);
        let adapter = trained(&decoder, &config, &ids);
        let place = tempfile::tempdir().expect("a folder");
        idiolect::lora::save_adapter(&adapter, place.path(), name).expect(name);
        let theirs = peft_logits(&python, &folder, place.path(), &ids);
        let ours = our_logits(&decoder, &adapter, &ids);
        assert_close(&format!("{name} {config:?}"), &ours, &theirs, 1e-4);
    }
}

#[test]
fn python_computes_our_logits_with_words_that_we_added() {
    let Some((python, tiny)) = needed() else {
        return;
    };
    let ids = [1, 30, 384, 52, 63, 385, 63, 384, 41, 385, 2];
    for name in ["tiny-llama3", "tiny-llama-tied"] {
        let folder = tiny.join(name);
        let loaded = idiolect::model::load(&folder, &Device::flex(), FloatDType::F32);
        let (base, _) = loaded.expect(name);
        let config = LoraConfig {
            modules_to_save: vec!["embed_tokens".into(), "lm_head".into()],
            ensure_weight_tying: base.config.tied,
            ..LoraConfig::default()
        };
        let adapter = trained(&base.clone().with_tokens(&[384, 385]), &config, &ids);
        let place = tempfile::tempdir().expect("a folder");
        idiolect::lora::save_adapter(&adapter, place.path(), name).expect(name);
        let theirs = peft_logits(&python, &folder, place.path(), &ids);
        // The folder brings its words to the model as it is on disk.
        let again = idiolect::lora::load_adapter(place.path(), &base, &Device::flex()).expect(name);
        assert_close(name, &our_logits(&base, &again, &ids), &theirs, 1e-4);
    }
}
