//! Configurations as transformers reads them: what is absent, what has several homes, old forms, and what is refused.
//!
//! `tests/golden/configs.py` made the values.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod meaning;
mod refused;

use std::path::Path;

use idiolect_model::ModelConfig;
use serde_json::{Value, json};

fn read(json: &Value) -> Result<ModelConfig, String> {
    let config = ModelConfig::from_json(json, Path::new("config.json"));
    config.map_err(|error| error.to_string())
}

fn sizes(kind: &str, more: &Value) -> Value {
    let mut json = json!({
        "model_type": kind, "vocab_size": 64, "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    });
    json.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json
}
