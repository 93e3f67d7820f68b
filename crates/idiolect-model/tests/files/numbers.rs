//! Weights that are no numbers, and a tensor that stands in two shards, each refused by file and tensor.

use std::fs;
use std::path::Path;

use burn::tensor::{Device, FloatDType};
use idiolect_model::{SaveOptions, StoredType, load, save};

use crate::folder::{copy, read};

/// Puts bytes at the end of a file of weights; the last bytes are those of a tensor's last value.
fn end_with(path: &Path, value: &[u8]) {
    let mut bytes = fs::read(path).expect("weights");
    let end = bytes.len() - value.len();
    bytes[end..].copy_from_slice(value);
    fs::write(path, bytes).expect("written");
}

fn refused(folder: &Path, parts: &[&str]) {
    let error = read(folder).expect_err("spoilt weights").to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

#[test]
fn a_weight_that_is_nan_or_infinite() {
    for (value, shown) in [
        (f32::NAN, "found NaN at place "),
        (f32::INFINITY, "found inf at place "),
        (f32::NEG_INFINITY, "found -inf at place "),
    ] {
        let Some((_place, path)) = copy("tiny-llama3") else {
            return;
        };
        end_with(&path.join("model.safetensors"), &value.to_le_bytes());
        let tensor = "model.safetensors: tensor model.";
        refused(&path, &[tensor, "expected finite values", shown]);
        // The upper half of an f32 is a bf16.
        let Some((_place, path)) = copy("tiny-llama3-sharded-bf16") else {
            return;
        };
        let shard = "model-00002-of-00002.safetensors";
        end_with(&path.join(shard), &value.to_le_bytes()[2..]);
        refused(&path, &[shard, "tensor ", "expected finite values", shown]);
    }
}

#[test]
fn a_weight_beyond_f16_is_refused_where_the_model_is_held_or_stored_in_f16() {
    let Some((_place, path)) = copy("tiny-llama3") else {
        return;
    };
    end_with(&path.join("model.safetensors"), &70_000_f32.to_le_bytes());
    let options = SaveOptions {
        stored: StoredType::F16,
        max_shard_bytes: u64::MAX,
    };
    let saved = save(&read(&path).expect("a model"), &path.join("out"), options);
    let error = saved.map(drop).expect_err("an infinity").to_string();
    assert!(
        error.contains("expected values below 65520 for f16, found 70000"),
        "{error}"
    );
    let loaded = load(&path, &Device::flex(), FloatDType::F16);
    let error = loaded.map(drop).expect_err("an infinity").to_string();
    assert!(
        error.contains("expected values below 65520 for dtype f16, found 70000"),
        "{error}"
    );
}

#[test]
fn a_tensor_in_two_shards() {
    let Some((_place, path)) = copy("tiny-llama3-sharded-bf16") else {
        return;
    };
    let [first, second] = [1, 2].map(|number| format!("model-0000{number}-of-00002.safetensors"));
    fs::copy(path.join(&first), path.join(&second)).expect("copied");
    refused(
        &path,
        &[
            &second,
            "tensor ",
            "expected in one file alone, found in ",
            &first,
        ],
    );
}
