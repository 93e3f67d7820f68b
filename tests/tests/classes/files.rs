//! Configurations and weights there and back.

use std::fs;

use idiolect::model::{ModelConfig, NoAdapter, SaveOptions, StoredType, load, save};
use idiolect_testkit::{Tensors, device};
use serde_json::{Map, Value};

use crate::case::{Case, each, json, logits_of};

const OPTIONS: SaveOptions = SaveOptions {
    stored: StoredType::F32,
    max_shard_bytes: u64::MAX,
};

/// A configuration with its rotary settings in one place, as `transformers` reads it, without what is written by
/// whoever saves.
fn resolved(mut json: Map<String, Value>) -> Map<String, Value> {
    for own in [
        "transformers_version",
        "dtype",
        "torch_dtype",
        "architectures",
    ] {
        json.remove(own);
    }
    let scaling = json.remove("rope_scaling").filter(|map| !map.is_null());
    let parameters = json.remove("rope_parameters");
    let mut rope = scaling.or(parameters).unwrap_or_else(|| Map::new().into());
    let theta = json.remove("rope_theta");
    if rope.get("rope_theta").is_none() {
        rope["rope_theta"] = theta.unwrap_or(Value::Null);
    }
    if rope.get("rope_type").is_none() {
        rope["rope_type"] = "default".into();
    }
    json.insert("rope".into(), rope);
    if let Some(Value::Object(text)) = json.get("text_config").cloned() {
        json.insert("text_config".into(), resolved(text).into());
        json.remove("rope");
    }
    json
}

fn object(case: &Case, name: &str) -> Map<String, Value> {
    json(&case.folder.join(name)).as_object().unwrap().clone()
}

#[test]
fn what_is_written_is_what_was_read_setting_by_setting() {
    each(|case| {
        let place = tempfile::tempdir().unwrap();
        save(&case.decoder, place.path(), OPTIONS).unwrap();
        let written = |name: &str| json(&place.path().join(name)).as_object().unwrap().clone();
        let mut before = resolved(object(case, "config.json"));
        let mut after = resolved(written("config.json"));
        // A list that was left to be made of the interval is written out, and numbers of yarn that were.
        if case.name == "smollm3-interval" {
            assert_eq!(
                after.remove("no_rope_layers"),
                Some(serde_json::json!([1, 0, 1]))
            );
            after.remove("layer_types");
        }
        // The window that is off was never one.
        if case.name == "qwen2" {
            assert_eq!(
                after.insert("sliding_window".into(), 4.into()),
                Some(Value::Null)
            );
        }
        for rope in [&mut before, &mut after]
            .map(|json| json.get_mut("rope"))
            .into_iter()
            .flatten()
        {
            if rope["rope_type"] == "yarn" {
                let rope = rope.as_object_mut().unwrap();
                rope.entry("beta_fast").or_insert(32.0.into());
                rope.entry("beta_slow").or_insert(1.0.into());
            }
        }
        assert_eq!(before, after, "{}", case.name);
        let [mut before, after] = [
            object(case, "generation_config.json"),
            written("generation_config.json"),
        ];
        before.remove("transformers_version");
        assert_eq!(before, after, "{}", case.name);
    });
}

#[test]
fn weights_are_written_under_the_names_that_transformers_writes() {
    each(|case| {
        let place = tempfile::tempdir().unwrap();
        save(&case.decoder, place.path(), OPTIONS).unwrap();
        let read =
            |folder: &std::path::Path| Tensors::read(&folder.join("model.safetensors")).unwrap();
        let (before, after) = (read(&case.folder), read(place.path()));
        let published = |name: String| match case.name.as_str() {
            "llama-body" => format!("model.{name}"),
            "mistral3-memory-names" => {
                let name = name.strip_prefix("model.").unwrap_or(&name);
                match name.strip_prefix("language_model.") {
                    Some(rest) => format!("language_model.model.{rest}"),
                    None => name.replace("lm_head", "language_model.lm_head"),
                }
            }
            _ => name,
        };
        for name in before.names().unwrap() {
            let found = after.f32(&published(name.clone())).unwrap();
            assert_eq!(found, before.f32(&name).unwrap(), "{} {name}", case.name);
        }
        assert_eq!(after.names().unwrap().len(), before.names().unwrap().len());
        let (again, _) = load(place.path(), &device().unwrap(), case.decoder.dtype()).unwrap();
        assert_eq!(again.config, case.decoder.config, "{}", case.name);
        let [again, expected] =
            [&again, &case.decoder].map(|one| logits_of(one, &NoAdapter, case.padded("right")));
        assert_eq!(again, expected, "{}", case.name);
    });
}

#[test]
fn a_configuration_in_the_older_form_means_the_same() {
    each(|case| {
        let mut config = object(case, "config.json");
        let text = match config.get_mut("text_config") {
            Some(text) => text.as_object_mut().unwrap(),
            None => &mut config,
        };
        if text["model_type"] == "ministral3" {
            return;
        }
        let mut rope = text.remove("rope_parameters").unwrap();
        let theta = rope.as_object_mut().unwrap().remove("rope_theta").unwrap();
        text.insert("rope_theta".into(), theta);
        let plain = rope["rope_type"] == "default";
        text.insert(
            "rope_scaling".into(),
            if plain { Value::Null } else { rope },
        );
        let path = case.folder.join("config.json");
        let mut found = ModelConfig::from_json(&config.into(), &path).unwrap();
        found.eos.clone_from(&case.decoder.config.eos);
        assert_eq!(found, case.decoder.config, "{}", case.name);
    });
}

#[test]
fn tensors_of_the_vision_part_are_copied_and_settings_of_images_too() {
    each(|case| {
        if case.decoder.config.wrapper.class().is_none() {
            return;
        }
        let source = tempfile::tempdir().unwrap();
        for file in ["config.json", "model.safetensors"] {
            fs::copy(case.folder.join(file), source.path().join(file)).unwrap();
        }
        fs::write(
            source.path().join("processor_config.json"),
            "{\"patch_size\": 8}",
        )
        .unwrap();
        let (decoder, _) = load(source.path(), &device().unwrap(), case.decoder.dtype()).unwrap();
        let place = tempfile::tempdir().unwrap();
        let files = save(&decoder, place.path(), OPTIONS).unwrap();
        assert!(
            files.contains(&"processor_config.json".to_owned()),
            "{files:?}"
        );
        // What is no longer there is told before anything is written.
        fs::remove_file(source.path().join("model.safetensors")).unwrap();
        let other = tempfile::tempdir().unwrap();
        let error = save(&decoder, other.path(), OPTIONS)
            .unwrap_err()
            .to_string();
        assert!(error.contains("model.safetensors"), "{error}");
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
    });
}
