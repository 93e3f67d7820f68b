//! Options of PEFT: which projections they choose, and what is refused.

use std::path::Path;

use burn::tensor::Device;
use idiolect_lora::{
    BaseModel, LoraConfig, LoraError, load_adapter, read_adapter_config, save_adapter,
};
use serde_json::{Value, json};

use crate::tiny::{new, places, tiny};

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/places.json")).unwrap()
}

fn read(config: &Value) -> Result<LoraConfig, LoraError> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), config);
    read_adapter_config(folder.path())
}

fn write(folder: &Path, config: &Value) {
    std::fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
}

#[test]
fn configurations_choose_the_modules_ranks_and_scales_that_they_choose_in_peft() {
    let Some(decoder) = tiny() else { return };
    for (name, case) in golden()["cases"].as_object().unwrap() {
        let config = read(&case["config"]).expect(name);
        let adapter = new(&config, &decoder);
        let wanted = case["places"].as_object().unwrap().iter();
        let mut wanted: Vec<_> = wanted
            .map(|(path, place)| {
                let rank = usize::try_from(place[0].as_u64().unwrap()).unwrap();
                (path.clone(), rank, place[1].as_f64().unwrap())
            })
            .collect();
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(places(&adapter), wanted, "{name}");

        let folder = tempfile::tempdir().unwrap();
        save_adapter(&adapter, folder.path(), "tiny").unwrap();
        let again = load_adapter(folder.path(), &decoder, &Device::flex()).unwrap();
        assert_eq!(places(&again), wanted, "{name} from disk");
        assert_eq!(again.config, config, "{name} from disk");
    }
}

#[test]
fn options_that_change_the_arithmetic_and_are_not_supported_are_refused_by_name() {
    let plain = golden()["cases"]["names"]["config"].clone();
    let wrong = [
        ("bias", json!("all")),
        ("modules_to_save", json!(["lm_head", 7])),
        ("exclude_modules", json!(3)),
        ("layer_replication", json!([[0, 1]])),
        ("init_lora_weights", json!("loftq")),
        ("init_lora_weights", json!("pissa_niter_4")),
        ("layers_pattern", json!("blocks")),
        ("layers_to_transform", json!("first")),
        ("rank_pattern", json!({"q_proj": "many"})),
        ("target_modules", json!(null)),
        ("lora_dropout", json!("some")),
    ];
    for (field, value) in wrong {
        let mut config = plain.clone();
        config[field] = value;
        let error = read(&config).unwrap_err().to_string();
        assert!(error.contains(&format!("{field}: expected")), "{error}");
    }
}

#[test]
fn a_file_and_its_configuration_must_name_the_same_parts() {
    let Some(decoder) = tiny() else { return };
    let folder = tempfile::tempdir().unwrap();
    let adapter = new(&LoraConfig::default(), &decoder);
    save_adapter(&adapter, folder.path(), "tiny").unwrap();
    let text = std::fs::read_to_string(folder.path().join("adapter_config.json")).unwrap();
    let config: Value = serde_json::from_str(&text).unwrap();
    let refused = |field: &str, value: Value, part: &str| {
        let mut config = config.clone();
        config[field] = value;
        write(folder.path(), &config);
        let error = load_adapter(folder.path(), &decoder, &Device::flex())
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(
        "target_modules",
        json!(["q_proj"]),
        "v_proj.lora_A.weight: expected a part",
    );
    refused(
        "target_modules",
        json!("all-linear"),
        "k_proj.lora_A.weight: expected shape",
    );
    refused(
        "rank_pattern",
        json!({"v_proj": 2}),
        "expected shape [2, 64], found shape [8, 64]",
    );
    refused(
        "use_dora",
        json!(true),
        "lora_magnitude_vector: expected shape [64], found nothing",
    );
    refused(
        "layers_to_transform",
        json!([7]),
        "layers: expected blocks below 3, found 7",
    );
}

/// PEFT's `revision`: what the base model is fetched at when it is loaded by its name.
#[test]
fn the_revision_of_the_base_model_is_recorded() {
    let Some(decoder) = tiny() else { return };
    let adapter = new(&LoraConfig::default(), &decoder);
    let folder = tempfile::tempdir().unwrap();
    let recorded = |base: BaseModel<'_>| -> serde_json::Value {
        save_adapter(&adapter, folder.path(), base).unwrap();
        let text = std::fs::read_to_string(folder.path().join("adapter_config.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let base = BaseModel {
        name: "owner/name",
        revision: Some("v1.1"),
    };
    let config = recorded(base);
    assert_eq!(config["base_model_name_or_path"], "owner/name");
    assert_eq!(config["revision"], "v1.1");
    assert!(recorded("owner/name".into())["revision"].is_null());
}
