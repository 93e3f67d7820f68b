//! What is written is read back, and what is read is told.

use std::fs;

use burn::tensor::{Device, FloatDType, Int, Tensor};
use idiolect_model::{Decoder, NoAdapter, SaveOptions, StoredType, load, save, stored_type};

use crate::folder::{copy, read};

fn logits(decoder: &Decoder) -> Vec<f32> {
    let ids = Tensor::<2, Int>::from_data([[5, 9, 60, 1, 17, 33]], &Device::flex());
    let hidden = decoder.hidden(ids, &NoAdapter);
    let [_, tokens, width] = hidden.dims();
    decoder
        .logits(hidden.reshape([tokens, width]))
        .into_data()
        .iter::<f32>()
        .collect()
}

#[test]
fn a_saved_folder_computes_the_same_whole_or_in_shards() {
    for name in ["tiny-llama3", "tiny-llama-tied", "tiny-mistral"] {
        let Some((_place, path)) = copy(name) else {
            return;
        };
        let decoder = read(&path).expect(name);
        for (bytes, files) in [(u64::MAX, 3), (100_000, 4)] {
            let out = tempfile::tempdir().expect("a folder");
            let options = SaveOptions {
                stored: StoredType::F32,
                max_shard_bytes: bytes,
            };
            let written = save(&decoder, out.path(), options).expect(name);
            assert!(written.len() >= files, "{name}: {written:?}");
            let again = read(out.path()).expect(name);
            assert_eq!(logits(&again), logits(&decoder), "{name}");
            assert_eq!(again.config, decoder.config, "{name}");
            let names: Vec<_> = fs::read_dir(out.path()).expect("files").collect();
            assert_eq!(
                names.len(),
                written.len(),
                "{name}: nothing else is left behind"
            );
        }
    }
}

#[test]
fn half_precision_on_disk_is_rounded_once() {
    let Some((_place, path)) = copy("tiny-llama3-sharded-bf16") else {
        return;
    };
    let decoder = read(&path).expect("bf16");
    let out = tempfile::tempdir().expect("a folder");
    let options = SaveOptions {
        stored: StoredType::Bf16,
        max_shard_bytes: u64::MAX,
    };
    save(&decoder, out.path(), options).expect("saved");
    // The weights were bf16, so writing them so loses nothing.
    assert_eq!(logits(&read(out.path()).expect("again")), logits(&decoder));
}

#[test]
fn headers_tell_the_type_of_the_weights() {
    let types = [
        ("tiny-llama3", StoredType::F32),
        ("tiny-llama3-sharded-bf16", StoredType::Bf16),
    ];
    for (name, expected) in types {
        let Some((_place, path)) = copy(name) else {
            return;
        };
        assert_eq!(stored_type(&path).expect(name), Some(expected), "{name}");
        let out = tempfile::tempdir().expect("a folder");
        let options = SaveOptions {
            stored: StoredType::F16,
            max_shard_bytes: 100_000,
        };
        save(&read(&path).expect(name), out.path(), options).expect(name);
        let found = stored_type(out.path()).expect(name);
        assert_eq!(found, Some(StoredType::F16), "{name}");
    }
}

#[test]
fn the_report_tells_casts_and_unused_tensors() {
    let Some((_place, path)) = copy("tiny-llama3-sharded-bf16") else {
        return;
    };
    let (_, report) = load(&path, &Device::flex(), FloatDType::F32).expect("bf16");
    assert_eq!(report.cast.len(), report.loaded.len());
    assert_eq!(report.cast[0].stored, "BF16");
    let Some((_place, path)) = copy("tiny-llama-tied") else {
        return;
    };
    with_head(&path, 0.0);
    let (decoder, report) = load(&path, &Device::flex(), FloatDType::F32).expect("tied");
    assert!(decoder.config.tied && decoder.weights.head.is_none());
    assert_eq!(report.unused, ["lm_head.weight"]);
    assert!(report.cast.is_empty());
}

/// Gives a checkpoint whose head is the embedding a head with the embedding's values and something added.
fn with_head(path: &std::path::Path, added: f32) {
    let file = path.join("model.safetensors");
    let bytes = fs::read(&file).expect("weights");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("tensors");
    let embedding = tensors
        .tensor("model.embed_tokens.weight")
        .expect("an embedding");
    let values = embedding.data().chunks_exact(4).flat_map(|value| {
        let value = f32::from_le_bytes(value.try_into().expect("four bytes"));
        (value + added).to_le_bytes()
    });
    let values: Vec<u8> = values.collect();
    let shape = embedding.shape().to_vec();
    let head = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, &values);
    let mut all = tensors.tensors();
    all.push(("lm_head.weight".into(), head.expect("a head")));
    let bytes = safetensors::serialize(all, None).expect("bytes");
    fs::write(file, bytes).expect("written");
}

#[test]
fn a_head_of_its_own_counts_where_the_flag_says_that_there_is_none() {
    let Some((_place, path)) = copy("tiny-llama-tied") else {
        return;
    };
    let before = logits(&read(&path).expect("tied"));
    with_head(&path, 0.5);
    let (decoder, report) = load(&path, &Device::flex(), FloatDType::F32).expect("untied");
    assert!(!decoder.config.tied && decoder.weights.head.is_some());
    assert!(report.unused.is_empty());
    assert_ne!(logits(&decoder), before);
    let out = tempfile::tempdir().expect("a folder");
    let options = SaveOptions {
        stored: StoredType::F32,
        max_shard_bytes: u64::MAX,
    };
    save(&decoder, out.path(), options).expect("saved");
    let again = read(out.path()).expect("again");
    assert!(!again.config.tied);
    assert_eq!(logits(&again), logits(&decoder));
}

#[test]
fn end_tokens_come_from_the_generation_settings() {
    let Some((_place, path)) = copy("tiny-llama3") else {
        return;
    };
    assert_eq!(read(&path).expect("tiny-llama3").config.eos, [2, 4]);
}
