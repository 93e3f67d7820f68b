//! Options of `adapter_config.json` of a type that they do not have, each refused by name.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

use idiolect_lora::read_adapter_config;
use serde_json::{Value, json};

/// What is said of a plain configuration with this option.
fn said(option: &str, value: &Value) -> Result<(), String> {
    let mut config =
        json!({"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]});
    config[option] = value.clone();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("adapter_config.json"),
        config.to_string(),
    )
    .unwrap();
    let read = read_adapter_config(folder.path()).map(drop);
    read.map_err(|error| error.to_string())
}

#[test]
fn options_of_the_wrong_type_are_refused_by_name() {
    for (option, value) in [
        ("r", json!("8")),
        ("r", json!(8.5)),
        ("lora_alpha", json!("16")),
        ("lora_dropout", json!("0.1")),
        ("use_rslora", json!("true")),
        ("use_rslora", json!(1)),
        ("use_dora", json!("yes")),
        ("ensure_weight_tying", json!([])),
        ("target_modules", json!(7)),
        ("target_modules", json!([7])),
        ("modules_to_save", json!("lm_head")),
        ("rank_pattern", json!([["q_proj", 4]])),
        ("alpha_pattern", json!({"q_proj": "4"})),
        ("layers_to_transform", json!(1.5)),
        ("layers_pattern", json!(3)),
        ("bias", json!(3)),
        ("peft_type", json!(3)),
        ("init_lora_weights", json!(3)),
        ("fan_in_fan_out", json!("true")),
    ] {
        let error = said(option, &value).unwrap_err();
        let expected = format!("adapter_config.json: {option}: expected ");
        assert!(error.contains(&expected), "{option} = {value}: {error}");
    }
    assert_eq!(said("use_rslora", &Value::Null), Ok(()));
    assert_eq!(said("use_dora", &json!(true)), Ok(()));
    let long = said("use_dora", &json!("x".repeat(10_000))).unwrap_err();
    assert!(long.len() < 400, "{long}");
}
