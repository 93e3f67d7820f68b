//! Folders of PEFT whose options and tensors do not fit each other or the model, each refused by name.

use burn::tensor::Device;
use idiolect_lora::{LoraAdapter, LoraConfig, load_adapter};
use serde_json::Value;

use crate::folders::{base, folder};

/// The error of a golden folder with another value of an option.
fn with_option(name: &str, option: &str, value: Value) -> String {
    let place = tempfile::tempdir().unwrap();
    let weights = "adapter_model.safetensors";
    std::fs::copy(folder(name).join(weights), place.path().join(weights)).unwrap();
    let config = std::fs::read_to_string(folder(name).join("adapter_config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config[option] = value;
    let to = place.path().join("adapter_config.json");
    std::fs::write(to, config.to_string()).unwrap();
    let read = load_adapter(place.path(), &base("untied"), &Device::flex());
    read.map(drop).unwrap_err().to_string()
}

/// A golden folder, an option of its configuration with another value, and what is said of it.
const MISFITS: [[&str; 4]; 12] = [
    [
        "tokens",
        "trainable_token_indices",
        "[3, 3, 5]",
        "trainable_token_indices: expected ids, each once",
    ],
    [
        "tokens",
        "trainable_token_indices",
        "[3, -1, 5]",
        "trainable_token_indices: expected ids, each once",
    ],
    [
        "tokens",
        "trainable_token_indices",
        r#"{"q_proj": [3]}"#,
        "trainable_token_indices: expected embed_tokens or lm_head, found q_proj",
    ],
    [
        "tokens",
        "trainable_token_indices",
        "[3, 5]",
        "trainable_tokens_delta: expected shape [2, 16], found shape [3, 16]",
    ],
    ["tokens", "trainable_token_indices", "null", "another name"],
    ["head", "target_modules", r#"["q_proj"]"#, "another name"],
    [
        "head",
        "lora_bias",
        "true",
        "lora_bias: expected false with embedding or head",
    ],
    ["head", "exclude_modules", r#"["lm_head"]"#, "another name"],
    [
        "exclude-names",
        "exclude_modules",
        "7",
        "exclude_modules: expected names",
    ],
    [
        "exclude-names",
        "exclude_modules",
        r#""(q""#,
        "pattern: expected a regular expression",
    ],
    [
        "absent-names",
        "target_modules",
        r#"["c_attn"]"#,
        "target_modules: expected at least one projection of the model",
    ],
    [
        "bias",
        "use_dora",
        "true",
        "lora_bias: expected false beside dora",
    ],
];

#[test]
fn options_that_do_not_fit_the_file_are_refused_by_name() {
    for [name, option, value, part] in MISFITS {
        let value: Value = serde_json::from_str(value).unwrap();
        let error = with_option(name, option, value.clone());
        assert!(error.contains(part), "{name}: {option} = {value}: {error}");
    }
}

#[test]
fn a_head_that_is_the_embedding_has_no_factors_of_its_own() {
    let place = tempfile::tempdir().unwrap();
    for name in ["adapter_model.safetensors", "adapter_config.json"] {
        std::fs::copy(
            folder("embedding-kept-tied").join(name),
            place.path().join(name),
        )
        .unwrap();
    }
    let path = place.path().join("adapter_model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = file
        .tensor("base_model.model.lm_head.lora_A.weight")
        .unwrap();
    let at = tensor.data().as_ptr() as usize - bytes.as_ptr() as usize;
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let read = load_adapter(place.path(), &base("tied"), &Device::flex());
    let error = read.map(drop).unwrap_err().to_string();
    let expected = "lm_head.lora_A.weight: expected the values of the embedding";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_pattern_that_finds_embedding_or_head_is_refused_for_a_new_adapter() {
    let decoder = base("untied");
    for targets in [".*(q_proj|lm_head)", "q_proj,lm_head", "embed_tokens"] {
        let config = LoraConfig {
            targets: targets.parse().unwrap(),
            ..LoraConfig::default()
        };
        let error = LoraAdapter::new(&config, &decoder, 1, &Device::flex()).unwrap_err();
        let expected = "targets: expected projections: modules_to_save trains embedding and head";
        assert!(error.to_string().contains(expected), "{error}");
    }
    let config = LoraConfig {
        targets: ".*(q_proj|lm_head)".parse().unwrap(),
        exclude_modules: Some("lm_head".parse().unwrap()),
        ..LoraConfig::default()
    };
    assert!(LoraAdapter::new(&config, &decoder, 1, &Device::flex()).is_ok());
}

#[test]
fn a_pickle_alone_says_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    let config = "adapter_config.json";
    std::fs::copy(folder("head").join(config), place.path().join(config)).unwrap();
    std::fs::write(place.path().join("adapter_model.bin"), "a pickle").unwrap();
    let read = load_adapter(place.path(), &base("untied"), &Device::flex());
    let error = read.map(drop).unwrap_err().to_string();
    assert!(error.contains("adapter_model.bin is a pickle"), "{error}");
    assert!(error.contains("save_pretrained"), "{error}");
}
