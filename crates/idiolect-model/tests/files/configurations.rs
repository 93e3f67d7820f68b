//! Configurations that are wrong, each refused by file and field.

use std::fs;

use crate::folder::{copy, edit};
use crate::refusals::refused;

#[test]
fn a_configuration_that_is_not_supported() {
    let cases: [(&str, serde_json::Value, &str); 8] = [
        (
            "architectures",
            serde_json::json!(["GPT2LMHeadModel"]),
            "found GPT2LMHeadModel",
        ),
        ("hidden_act", "gelu".into(), "expected silu, found gelu"),
        (
            "attention_bias",
            true.into(),
            "12 tensors are missing, the first is model.layers.0.self_attn.q_proj.bias",
        ),
        (
            "num_key_value_heads",
            3.into(),
            "a divisor of num_attention_heads = 4, found 3",
        ),
        (
            "vocab_size",
            0.into(),
            "vocab_size: expected a positive whole number, found 0",
        ),
        ("hidden_size", "wide".into(), "hidden_size"),
        (
            "rope_scaling",
            serde_json::json!({"rope_type": "mrope", "factor": 2.0}),
            "found mrope",
        ),
        ("eos_token_id", (-1).into(), "eos_token_id"),
    ];
    for (field, value, part) in cases {
        let Some((_place, path)) = copy("tiny-llama3") else {
            return;
        };
        edit(&path.join("config.json"), |json| {
            drop(json.insert(field.into(), value));
        });
        let file = if part.contains("missing") {
            ""
        } else {
            "config.json"
        };
        refused(&path, &[file, part]);
    }
    let Some((_place, path)) = copy("tiny-llama3") else {
        return;
    };
    fs::write(path.join("config.json"), "{\"vocab_size\": ").expect("written");
    refused(&path, &["config.json", "not valid"]);
}

#[test]
fn an_end_of_text_of_the_generation_settings_that_the_vocabulary_lacks() {
    let Some((_place, path)) = copy("tiny-llama3") else {
        return;
    };
    fs::write(
        path.join("generation_config.json"),
        r#"{"eos_token_id": [2, 70000]}"#,
    )
    .expect("written");
    refused(
        &path,
        &[
            "generation_config.json",
            "eos_token_id: expected an id below",
            "70000",
        ],
    );
}

#[test]
fn a_configuration_of_other_types_or_beyond_its_ranges() {
    let cases: [(&str, serde_json::Value, &str); 7] = [
        (
            "hidden_act",
            5.into(),
            "hidden_act: expected a text, found 5",
        ),
        (
            "rope_scaling",
            "linear".into(),
            "rope_scaling: expected an object",
        ),
        (
            "rope_parameters",
            7.into(),
            "rope_parameters: expected an object",
        ),
        (
            "rope_scaling",
            serde_json::json!({"rope_type": 3, "factor": 2.0}),
            "rope_type: expected a text, found 3",
        ),
        (
            "rope_scaling",
            serde_json::json!({"rope_type": "factors", "divisors": [1.0]}),
            "divisors: expected one for each of",
        ),
        (
            "rope_scaling",
            serde_json::json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 4.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
            "high_freq_factor: expected more than low_freq_factor = 4",
        ),
        (
            "num_hidden_layers",
            9_000_000_000_u64.into(),
            "num_hidden_layers: expected at most 65536",
        ),
    ];
    for (field, value, part) in cases {
        let Some((_place, path)) = copy("tiny-llama3") else {
            return;
        };
        edit(&path.join("config.json"), |json| {
            drop(json.insert(field.into(), value));
        });
        refused(&path, &["config.json", part]);
    }
}

#[test]
fn special_tokens_beyond_the_vocabulary() {
    for field in ["bos_token_id", "eos_token_id"] {
        let Some((_place, path)) = copy("tiny-llama3") else {
            return;
        };
        edit(&path.join("config.json"), |json| {
            drop(json.insert(field.into(), 70_000.into()));
        });
        let part = format!("{field}: expected an id below vocab_size");
        refused(&path, &["config.json", &part, "70000"]);
    }
}
