//! Modules that train whole: what is refused, and embeddings and heads as files of PEFT can have them.

use std::collections::HashMap;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use idiolect_lora::{LoraAdapter, LoraConfig, load_adapter, save_adapter};
use idiolect_testkit::assert_close;
use safetensors::tensor::{SafeTensors, TensorView};

use crate::tiny::{checkpoint, new};

fn config(names: &[&str], tie: bool) -> LoraConfig {
    LoraConfig {
        modules_to_save: names.iter().map(|name| (*name).to_owned()).collect(),
        ensure_weight_tying: tie,
        ..LoraConfig::default()
    }
}

fn floats(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// Writes the tensors of an adapter's file again under other names; one may become several or none.
fn renamed(folder: &Path, names: impl Fn(&str) -> Vec<String>) {
    let path = folder.join("adapter_model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut parts: HashMap<String, TensorView<'_>> = HashMap::new();
    for (name, view) in file.tensors() {
        parts.extend(names(&name).into_iter().map(|name| (name, view.clone())));
    }
    std::fs::write(&path, safetensors::serialize(parts, None).unwrap()).unwrap();
}

#[test]
fn names_choose_modules_as_in_peft_and_others_are_refused() {
    let Some(decoder) = checkpoint("tiny-llama3") else {
        return;
    };
    let count = |names: &[&str]| {
        let whole = new(&config(names, false), &decoder).whole;
        (
            whole.embedding.is_some(),
            whole.head.is_some(),
            whole.norms.len(),
        )
    };
    assert_eq!(count(&[]), (false, false, 0));
    assert_eq!(
        count(&["model.embed_tokens", "model.norm"]),
        (true, false, 1)
    );
    assert_eq!(count(&["lm_head", "norm"]), (false, true, 7));
    assert_eq!(count(&["layers.1.input_layernorm"]), (false, false, 1));
    for name in ["q_proj", "", "mlp"] {
        let wrong = config(&["lm_head", name], false);
        let made = LoraAdapter::new(&wrong, &decoder, 3, &Device::flex());
        let error = made.unwrap_err().to_string();
        assert!(
            error.contains("modules_to_save: expected embed_tokens"),
            "{error}"
        );
    }
}

#[test]
fn new_words_start_as_the_mean_and_come_back_from_disk() {
    for (name, tie) in [
        ("tiny-llama3", false),
        ("tiny-llama-tied", true),
        ("tiny-llama-tied", false),
    ] {
        let Some(base) = checkpoint(name) else { return };
        let grown = base.clone().with_tokens(&[384, 385]);
        assert_eq!(
            (grown.config.vocab_size, base.config.vocab_size),
            (386, 384)
        );
        let old = base.weights.embedding.val();
        let rows = grown.weights.embedding.val();
        let mean = floats(old.clone().mean_dim(0));
        assert_eq!(floats(rows.clone().narrow(0, 0, 384)), floats(old));
        for row in [384, 385] {
            assert_close(name, &floats(rows.clone().slice([row..=row])), &mean, 1e-6);
        }
        let adapter = new(&config(&["embed_tokens", "lm_head"], tie), &grown);
        let folder = tempfile::tempdir().unwrap();
        save_adapter(&adapter, folder.path(), name).unwrap();
        let again = load_adapter(folder.path(), &base, &Device::flex()).unwrap();
        assert_eq!(again.config, adapter.config);
        let worn = again.decoder(&base);
        assert_eq!((worn.config.vocab_size, worn.config.tied), (386, tie));
        assert_eq!(floats(worn.head()), floats(grown.head()), "{name}");
        assert_eq!(base.config.vocab_size, 384);
    }
}

#[test]
fn a_spare_row_is_used_before_a_new_one() {
    let Some(base) = checkpoint("tiny-llama3") else {
        return;
    };
    let grown = base.clone().with_tokens(&[383, 384]);
    assert_eq!(grown.config.vocab_size, 385);
    let rows = grown.head().transpose();
    let new = floats(rows.clone().slice([384..=384]));
    assert_eq!(floats(rows.slice([383..=383])), new);
}

#[test]
fn a_resized_embedding_that_does_not_train_is_read_under_every_name_of_peft() {
    for name in ["tiny-llama3", "tiny-llama-tied"] {
        let Some(base) = checkpoint(name) else { return };
        let tied = base.config.tied;
        let adapter = new(
            &config(&["embed_tokens", "lm_head"], true),
            &base.clone().with_tokens(&[384]),
        );
        let folder = tempfile::tempdir().unwrap();
        save_adapter(&adapter, folder.path(), name).unwrap();
        renamed(folder.path(), |name| match name.strip_suffix(".weight") {
            Some(path) if !path.contains("lora") => {
                let endings = ["weight", "modules_to_save.weight", "original_module.weight"];
                endings.map(|end| format!("{path}.{end}")).to_vec()
            }
            _ => vec![name.to_owned()],
        });
        let path = folder.path().join("adapter_config.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        json["modules_to_save"] = serde_json::Value::Null;
        json["ensure_weight_tying"] = false.into();
        std::fs::write(&path, json.to_string()).unwrap();
        let again = load_adapter(folder.path(), &base, &Device::flex().autodiff()).unwrap();
        assert!(!again.whole.trains_head() && !again.whole.is_empty());
        let worn = again.valid().decoder(&base);
        assert_eq!((worn.config.vocab_size, worn.config.tied), (385, tied));
    }
}

#[test]
fn files_without_a_module_or_with_another_head_are_refused_by_tensor() {
    let Some(base) = checkpoint("tiny-llama-tied") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let refused = |parts: &[&str]| {
        let error = load_adapter(folder.path(), &base, &Device::flex())
            .unwrap_err()
            .to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };
    let parted = config(&["embed_tokens", "lm_head"], false);
    save_adapter(&new(&parted, &base), folder.path(), "tiny").unwrap();
    let head = "base_model.model.lm_head.weight";
    renamed(folder.path(), |name| {
        if name == head {
            vec![]
        } else {
            vec![name.to_owned()]
        }
    });
    refused(&[head, "expected shape [384, 64], found nothing"]);
    let tied = config(&["embed_tokens"], true);
    let mut other = new(&tied, &base);
    save_adapter(&other, folder.path(), "tiny").unwrap();
    // Without the second copy the embedding is the head all the same.
    renamed(folder.path(), |name| {
        if name == head {
            vec![]
        } else {
            vec![name.to_owned()]
        }
    });
    assert!(
        load_adapter(folder.path(), &base, &Device::flex())
            .unwrap()
            .whole
            .tied
    );
    other.whole = new(&parted, &base.clone().with_tokens(&[384])).whole;
    other.whole.embedding = new(&parted, &base).whole.embedding;
    save_adapter(&other, folder.path(), "tiny").unwrap();
    refused(&[head, "expected 384 rows, found 385 rows"]);
    other.whole = new(&parted, &base).whole;
    other.whole.head = other.whole.head.map(|head| head.map(|head| head * 2.0));
    save_adapter(&other, folder.path(), "tiny").unwrap();
    refused(&[head, "the values of the embedding"]);
}
