//! Mistral's own folders: `params.json` in the words of a Hugging Face `config.json`.
//!
//! The correspondence is that of the conversion scripts that transformers had for Mistral and Ministral 3.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::fields::{Fields, read_json};
use crate::ModelError;

/// The settings of a native folder.
pub(crate) const PARAMS: &str = "params.json";

/// Parts that a decoder does not have.
const STRANGE: [&str; 3] = ["moe", "quantization", "q_lora_rank"];

/// The settings of `params.json` as a `config.json` has them.
pub(crate) fn native_config(path: &Path) -> Result<Value, ModelError> {
    let json = read_json(path)?;
    let raw = Fields::new(&json, path);
    for field in STRANGE {
        if let Some(found) = raw.get(field) {
            return Err(raw.wrong(field, "nothing: a plain decoder", found));
        }
    }
    let heads = raw.count("n_heads", None)?;
    let width = raw.count("dim", None)?;
    let yarn = raw.object("yarn")?;
    let kind = if yarn.is_some() {
        "ministral3"
    } else {
        "mistral"
    };
    let theta = raw.number("rope_theta", Some(1e6))?;
    let rope = match yarn {
        Some(yarn) => yarn_parameters(&raw, yarn)?,
        None => json!({"rope_type": "default"}),
    };
    let longest = raw.optional_count("max_position_embeddings")?;
    let longest = longest.or(raw.optional_count("max_seq_len")?);
    let mut config = json!({
        "model_type": kind, "hidden_act": "silu", "hidden_size": width, "num_attention_heads": heads,
        "num_key_value_heads": raw.count("n_kv_heads", Some(heads))?,
        "head_dim": raw.count("head_dim", Some(width / heads))?,
        "intermediate_size": raw.count("hidden_dim", None)?, "num_hidden_layers": raw.count("n_layers", None)?,
        "vocab_size": raw.count("vocab_size", None)?, "rms_norm_eps": raw.number("norm_eps", None)?,
        "sliding_window": raw.optional_count("sliding_window")?, "rope_theta": theta, "rope_parameters": rope,
        "tie_word_embeddings": raw.flag("tied_embeddings", false)?,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": null,
    });
    if let Some(longest) = longest {
        config["max_position_embeddings"] = longest.into();
    }
    Ok(config)
}

/// The rotary settings of Ministral 3.
fn yarn_parameters(raw: &Fields<'_>, yarn: &Map<String, Value>) -> Result<Value, ModelError> {
    let number = |field: &str| raw.number_of(yarn, field, None);
    let mut rope = json!({
        "rope_type": "yarn", "factor": number("factor")?, "beta_fast": number("beta")?, "beta_slow": number("alpha")?,
        "original_max_position_embeddings": number("original_max_position_embeddings")?,
    });
    // Whether cosines and sines grow with the stretch; both answers are in use.
    match yarn.get("apply_scale").and_then(Value::as_bool) {
        Some(true) => {}
        Some(false) => rope["attention_factor"] = json!(1.0),
        None => return Err(raw.wrong("yarn.apply_scale", "true or false", "nothing")),
    }
    if let Some(scaling) = raw.object("llama_4_scaling")? {
        rope["llama_4_scaling_beta"] = json!(raw.number_of(scaling, "beta", None)?);
        let own = scaling
            .get("original_max_position_embeddings")
            .and_then(Value::as_f64);
        let original = rope["original_max_position_embeddings"].as_f64();
        if own.is_some() && own != original {
            let field = "llama_4_scaling.original_max_position_embeddings";
            let expected = format!("that of yarn, {}", original.unwrap_or_default());
            return Err(raw.wrong(field, &expected, own.unwrap_or_default()));
        }
    }
    Ok(rope)
}
