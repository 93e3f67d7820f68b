//! Folders of PEFT with options that few use: the logits of each are those that PEFT reads out of it.
//!
//! `golden/folders.py` writes them, with their base models.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use idiolect_lora::{LoraAdapter, LoraError, load_adapter, merge, save_adapter};
use idiolect_model::{Adapter, Decoder, NoAdapter};
use serde_json::Value;

/// Vocabulary of the unchanged base models.
const WORDS: usize = 32;

pub(crate) fn folder(name: &str) -> PathBuf {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/folders");
    folders.join(name)
}

fn golden() -> Value {
    let text = std::fs::read_to_string(folder("logits.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn base(kind: &str) -> Decoder {
    let loaded = idiolect_model::load(&folder(kind), &Device::flex(), FloatDType::F32);
    loaded.expect(kind).0
}

fn numbers(value: &Value) -> Vec<f64> {
    let all = value.as_array().unwrap().iter();
    all.map(|x| x.as_f64().unwrap()).collect()
}

/// Logits of the golden rows, row after row.
fn logits(decoder: &Decoder, adapter: &dyn Adapter, golden: &Value) -> Vec<f64> {
    let rows = golden["about"]["ids"].as_array().unwrap();
    let ids: Vec<i64> = rows
        .iter()
        .flat_map(numbers)
        .map(|id| format!("{id}").parse().unwrap())
        .collect();
    let shape = [rows.len(), ids.len() / rows.len()];
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, shape), &Device::flex());
    let hidden = decoder.hidden(ids, adapter);
    let [rows, tokens, width] = hidden.dims();
    let logits = decoder.logits(hidden.reshape([rows * tokens, width]));
    logits.into_data().iter::<f64>().collect()
}

fn near(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let far = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let far = far.fold(0.0, f64::max);
    assert!(far < 1e-4, "{what}: {far}");
}

/// A folder of the golden values on its base model.
fn loaded(name: &str, golden: &Value) -> (Decoder, Result<LoraAdapter, LoraError>) {
    let decoder = base(golden["cases"][name]["base"].as_str().unwrap());
    let adapter = load_adapter(&folder(name), &decoder, &Device::flex());
    (decoder, adapter)
}

/// Cases whose tokens the unchanged base model does not have, which PEFT reads onto a resized model alone.
const REFUSED: [&str; 1] = ["tokens-resized"];
/// Cases that cannot be merged, in PEFT either.
const UNMERGED: [&str; 1] = ["bias-alone"];

#[test]
fn a_folder_has_the_logits_that_peft_reads_out_of_it() {
    let golden = golden();
    let cases = golden["cases"].as_object().unwrap();
    assert_eq!(cases.len(), 37);
    for (name, case) in cases {
        let expected = numbers(&case["logits"]);
        if case["base"] == name.as_str() {
            near(name, &logits(&base(name), &NoAdapter, &golden), &expected);
            continue;
        }
        if REFUSED.contains(&name.as_str()) {
            continue;
        }
        let (decoder, adapter) = loaded(name, &golden);
        let adapter = adapter.expect(name);
        let tuned = adapter.decoder(&decoder);
        near(name, &logits(&tuned, &adapter, &golden), &expected);
        let frozen = adapter.clone().frozen();
        near(name, &logits(&tuned, &frozen, &golden), &expected);
        if !UNMERGED.contains(&name.as_str()) {
            let merged = merge(decoder, &adapter).expect(name);
            near(name, &logits(&merged, &NoAdapter, &golden), &expected);
        }
    }
}

#[test]
fn what_a_resized_model_alone_has_is_refused_by_name() {
    let (_, adapter) = loaded("tokens-resized", &golden());
    let error = adapter.unwrap_err().to_string();
    let expected =
        "trainable_token_indices: expected ids below the 32 rows of model.embed_tokens, found 33";
    assert!(error.contains(expected), "{error}");
    let (decoder, adapter) = loaded("both-resized", &golden());
    let resized = adapter.unwrap().decoder(&decoder);
    assert_eq!(
        [decoder.config.vocab_size, resized.config.vocab_size],
        [WORDS, WORDS + 3]
    );
}

#[test]
fn biases_without_a_place_to_go_are_not_merged() {
    let (decoder, adapter) = loaded("bias-alone", &golden());
    let error = merge(decoder, &adapter.unwrap()).unwrap_err().to_string();
    assert!(
        error.contains("lora_bias: expected false to merge"),
        "{error}"
    );
}

#[test]
fn folded_modules_are_named_and_the_adapter_is_not_written() {
    let golden = golden();
    let place = tempfile::tempdir().unwrap();
    for (name, folded) in [
        ("head", "lm_head"),
        ("embedding", "model.embed_tokens"),
        ("both-patterns", "model.embed_tokens, lm_head"),
        ("tokens", "model.embed_tokens"),
    ] {
        let adapter = loaded(name, &golden).1.unwrap();
        assert_eq!(adapter.folded.join(", "), folded);
        let error = save_adapter(&adapter, &place.path().join(name), "base").unwrap_err();
        assert!(
            error.to_string().ends_with(&format!("found {folded}")),
            "{error}"
        );
        assert!(!place.path().join(name).exists());
    }
}

#[test]
fn what_is_written_of_a_folder_has_its_logits() {
    let golden = golden();
    let place = tempfile::tempdir().unwrap();
    for name in [
        "exclude-names",
        "look-ahead-rank",
        "olora",
        "olora-wide",
        "bias",
        "head-saved",
    ] {
        let (decoder, adapter) = loaded(name, &golden);
        save_adapter(&adapter.unwrap(), place.path(), "base").unwrap();
        let again = load_adapter(place.path(), &decoder, &Device::flex()).unwrap();
        let expected = numbers(&golden["cases"][name]["logits"]);
        let found = logits(&again.decoder(&decoder), &again, &golden);
        near(name, &found, &expected);
    }
}
