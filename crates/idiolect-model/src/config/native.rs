//! Mistral's own folders: `params.json` in the words of a Hugging Face `config.json`.
//!
//! The correspondence is that of the conversion scripts that transformers had for Mistral and Ministral 3, and for
//! `apply_scale` that of vLLM, since those scripts write the files of `apply_scale: false` alone:
//! `_remap_mistral_yarn_args` of `vllm/transformers_utils/configs/mistral.py`, where a file without it means true.

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
        "sliding_window": window(&raw)?, "rope_theta": theta, "rope_parameters": rope,
        "tie_word_embeddings": raw.flag("tied_embeddings", false)?,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": null,
    });
    if let Some(longest) = longest {
        config["max_position_embeddings"] = longest.into();
    }
    Ok(config)
}

/// The sliding window, which some files have as a text.
fn window(raw: &Fields<'_>) -> Result<Option<usize>, ModelError> {
    match raw.get("sliding_window") {
        Some(Value::String(text)) => {
            let wrong = |_| raw.wrong("sliding_window", "a whole number", text);
            text.parse().map(Some).map_err(wrong)
        }
        _ => raw.optional_count("sliding_window"),
    }
}

/// The rotary settings of Ministral 3.
fn yarn_parameters(raw: &Fields<'_>, yarn: &Map<String, Value>) -> Result<Value, ModelError> {
    let number = |field: &str| raw.number_of(yarn, field, None);
    let mut rope = json!({
        "rope_type": "yarn", "factor": number("factor")?, "beta_fast": number("beta")?, "beta_slow": number("alpha")?,
        "original_max_position_embeddings": number("original_max_position_embeddings")?,
    });
    // Whether cosines and sines grow with the stretch, by 0.1 ln(factor) + 1.
    match yarn.get("apply_scale") {
        None | Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => rope["attention_factor"] = json!(1.0),
        Some(other) => return Err(raw.wrong("yarn.apply_scale", "true or false", other)),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings of a file of Ministral 3, with more fields in its yarn and beside it.
    fn read(yarn: &Value, more: &Value) -> Result<Value, ModelError> {
        let mut params = json!({
            "dim": 32, "n_layers": 1, "n_heads": 2, "n_kv_heads": 1, "head_dim": 16, "hidden_dim": 64,
            "norm_eps": 1e-5, "vocab_size": 100, "rope_theta": 1e6, "max_position_embeddings": 262_144,
            "llama_4_scaling": {"beta": 0.1, "original_max_position_embeddings": 16_384},
            "yarn": {"factor": 16, "beta": 32, "alpha": 1, "original_max_position_embeddings": 16_384},
        });
        let merge = |into: &mut Value, from: &Value| {
            let from = from.as_object().cloned().unwrap_or_default();
            into.as_object_mut()
                .expect("settings are an object")
                .extend(from);
        };
        merge(&mut params["yarn"], yarn);
        merge(&mut params, more);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(PARAMS);
        std::fs::write(&path, params.to_string()).expect("a file");
        native_config(&path)
    }

    /// `rope_parameters` as `_remap_mistral_yarn_args` of vLLM (`vllm/transformers_utils/configs/mistral.py`, Apache-2.0)
    /// gives them: `attention_factor` 1 for `apply_scale: false`, and none, which is the factor of yarn, for true and
    /// for nothing. llama.cpp's conversion does the same since its pull request 22612.
    #[test]
    fn the_scale_of_yarn_is_that_of_vllm() {
        let cases = [
            (json!({"apply_scale": false}), json!(1.0)),
            (json!({"apply_scale": true}), Value::Null),
            (json!({}), Value::Null),
        ];
        for (yarn, expected) in cases {
            let config = read(&yarn, &json!({})).expect("a configuration");
            let rope = &config["rope_parameters"];
            assert_eq!(rope["attention_factor"], expected, "{yarn}");
            assert_eq!(
                (&rope["rope_type"], &rope["beta_fast"], &rope["beta_slow"]),
                (&json!("yarn"), &json!(32.0), &json!(1.0))
            );
        }
        let error = read(&json!({"apply_scale": "no"}), &json!({})).expect_err("no truth value");
        assert!(error.to_string().contains("yarn.apply_scale"), "{error}");
    }

    /// `convert_ministral3_weights_to_hf.py` of transformers: "This may sometimes be a string in `params.json`".
    #[test]
    fn a_window_may_be_a_text() {
        for (window, expected) in [
            (json!("4096"), json!(4096)),
            (json!(4096), json!(4096)),
            (Value::Null, Value::Null),
        ] {
            let config = read(&json!({}), &json!({"sliding_window": window}));
            let config = config.expect("a configuration");
            assert_eq!(config["sliding_window"], expected);
        }
        assert!(read(&json!({}), &json!({"sliding_window": "wide"})).is_err());
    }
}
