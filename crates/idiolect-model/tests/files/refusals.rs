//! Weights and folders that are wrong, each refused by file and part.

use std::fs;
use std::path::Path;

use crate::folder::{copy, edit, read};

/// The error of a spoilt checkpoint names `parts`, in one line.
pub(crate) fn refused(folder: &Path, parts: &[&str]) {
    let error = read(folder).expect_err("a spoilt checkpoint").to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn no_such_folder() {
    refused(
        Path::new("no/such/folder"),
        &["no/such/folder", "No such file"],
    );
    refused(
        Path::new("no/such/file.gguf"),
        &["no/such/file.gguf", "No such file"],
    );
}

#[test]
fn a_shard_that_is_not_there() {
    let Some((_place, path)) = copy("tiny-llama3-sharded-bf16") else {
        return;
    };
    fs::remove_file(path.join("model-00002-of-00002.safetensors")).expect("removed");
    refused(&path, &["model-00002-of-00002.safetensors", "No such file"]);
}

#[test]
fn a_tensor_that_the_index_promises_and_no_shard_has() {
    let Some((_place, path)) = copy("tiny-llama3-sharded-bf16") else {
        return;
    };
    edit(&path.join("model.safetensors.index.json"), |json| {
        let map = json["weight_map"].as_object_mut().expect("a map");
        map.insert(
            "model.extra".into(),
            "model-00001-of-00002.safetensors".into(),
        );
    });
    refused(
        &path,
        &["model-00001-of-00002.safetensors", "model.extra", "absent"],
    );
}

#[test]
fn an_index_that_points_outside_its_folder() {
    for outside in [
        "../model.safetensors",
        "/etc/passwd",
        "sub/model.safetensors",
        ".",
    ] {
        let Some((_place, path)) = copy("tiny-llama3-sharded-bf16") else {
            return;
        };
        edit(&path.join("model.safetensors.index.json"), |json| {
            let map = json["weight_map"].as_object_mut().expect("a map");
            map.insert("model.norm.weight".into(), outside.into());
        });
        refused(
            &path,
            &[
                "model.safetensors.index.json",
                "of the same folder",
                outside,
            ],
        );
    }
}

#[test]
fn a_file_that_is_cut_off() {
    let Some((_place, path)) = copy("tiny-llama3") else {
        return;
    };
    let file = path.join("model.safetensors");
    let whole = fs::read(&file).expect("a file");
    for (keep, part) in [
        (0, "at least 8 bytes"),
        (100, "header"),
        (whole.len() - 1, "size"),
    ] {
        fs::write(&file, &whole[..keep]).expect("cut");
        refused(&path, &["model.safetensors", part]);
    }
    // A header length that no file could have must not be allocated.
    let mut huge = whole.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    fs::write(&file, &huge).expect("written");
    refused(&path, &["model.safetensors", "header"]);
    let mut broken = whole;
    broken[8] = b'!';
    fs::write(&file, &broken).expect("written");
    refused(&path, &["model.safetensors", "not valid"]);
}

#[test]
fn a_tensor_of_another_shape() {
    let Some((_place, path)) = copy("tiny-llama3") else {
        return;
    };
    edit(&path.join("config.json"), |json| {
        drop(json.insert("intermediate_size".into(), 96.into()));
    });
    let tensor = "tensor model.layers.0.mlp.gate_proj.weight";
    refused(
        &path,
        &[
            "model.safetensors",
            tensor,
            "expected shape [96, 64], found [128, 64]",
        ],
    );
}

#[test]
fn tensors_that_are_missing() {
    let Some((_place, path)) = copy("tiny-llama-tied") else {
        return;
    };
    edit(&path.join("config.json"), |json| {
        json.insert("tie_word_embeddings".into(), false.into());
        json.insert("num_hidden_layers".into(), 4.into());
    });
    refused(
        &path,
        &[
            "10 tensors are missing",
            "model.layers.3.input_layernorm.weight",
        ],
    );
}

#[test]
fn blocks_beyond_the_configuration() {
    let Some((_place, path)) = copy("tiny-llama3") else {
        return;
    };
    edit(&path.join("config.json"), |json| {
        json.insert("num_hidden_layers".into(), 1.into());
    });
    refused(
        &path,
        &[
            "tensor model.layers.1.",
            "expected no block beyond the 1 of the configuration",
        ],
    );
}

#[test]
fn a_tensor_in_two_shards() {
    let Some((_place, path)) = copy("tiny-llama3-sharded-bf16") else {
        return;
    };
    let shard = |number: u32| path.join(format!("model-0000{number}-of-00002.safetensors"));
    fs::copy(shard(1), shard(2)).expect("copied");
    refused(
        &path,
        &[
            "model-00002-of-00002.safetensors",
            "expected in one file alone",
        ],
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file() {
    for name in ["config.json", "model.safetensors"] {
        let Some((_place, path)) = copy("tiny-llama3") else {
            return;
        };
        fs::remove_file(path.join(name)).expect("removed");
        let made = std::process::Command::new("mkfifo")
            .arg(path.join(name))
            .status();
        assert!(made.expect("mkfifo").success());
        refused(&path, &[name, "expected a regular file, found a pipe"]);
    }
}

#[test]
fn weights_in_the_form_of_older_checkpoints_alone() {
    let Some((_place, path)) = copy("tiny-llama3") else {
        return;
    };
    fs::remove_file(path.join("model.safetensors")).expect("removed");
    for name in ["pytorch_model.bin", "pytorch_model.bin.index.json"] {
        fs::write(path.join(name), "{}").expect("written");
        refused(
            &path,
            &[name, "expected safetensors", "save_pretrained('OUT')"],
        );
        fs::remove_file(path.join(name)).expect("removed");
    }
}

#[test]
fn a_body_without_its_head() {
    let Some((_place, path)) = copy("tiny-llama3") else {
        return;
    };
    let file = path.join("model.safetensors");
    let bytes = fs::read(&file).expect("weights");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("tensors");
    let body = tensors.tensors().into_iter().filter_map(|(name, view)| {
        let name = name.strip_prefix("model.")?.to_owned();
        Some((name, view))
    });
    let body: Vec<_> = body.collect();
    fs::write(&file, safetensors::serialize(body, None).expect("bytes")).expect("written");
    refused(&path, &["1 tensor is missing, the first is lm_head.weight"]);
}
