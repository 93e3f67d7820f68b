//! Ministral 3 and Devstral 2: Mistral with yarn, and queries that grow with the logarithm of their position.
//!
//! Without `rope_parameters` a configuration has those of the class. Source: `Ministral3Config`,
//! `get_llama_4_attn_scale` in transformers' `modeling_ministral3.py`.

use serde_json::{Map, Value, json};

use super::family::{Defaults, Family};
use super::window;
use crate::config::switches::{QueryScale, Switches};

pub(super) const FAMILY: Family = Family {
    class: "Ministral3ForCausalLM",
    model_type: "ministral3",
    defaults: Defaults {
        kv_heads: Some(8),
        head_dim: Some(128),
        max_positions: 262_144,
        norm_eps: 1e-5,
        tokens: [Some(1), Some(2), Some(11)],
        ..Defaults::LLAMA
    },
    switches: |asked| {
        let number = |field: &str, default| asked.raw.number_of(asked.rope, field, Some(default));
        let beta = number("llama_4_scaling_beta", 0.0)?;
        let original = asked.max_positions as f64;
        let original_positions = number("original_max_position_embeddings", original)?;
        Ok(Switches {
            query_scale: (beta > 0.0).then_some(QueryScale {
                beta,
                original_positions,
            }),
            ..Switches::default()
        })
    },
    window: |asked| window::of_all_layers(asked.raw, None),
    write: |shape, json| {
        json.insert("head_dim".into(), shape.head_dim.into());
        window::write(shape, json);
    },
    rope_parameters: Some(rope_parameters),
};

/// What absent `rope_parameters` mean.
fn rope_parameters() -> Map<String, Value> {
    let parameters = json!({
        "rope_type": "yarn", "rope_theta": 1e6, "factor": 16.0, "original_max_position_embeddings": 16_384,
        "beta_fast": 32.0, "beta_slow": 1.0, "mscale_all_dim": 1.0, "mscale": 1.0,
        "llama_4_scaling_beta": 0.1,
    });
    parameters.as_object().cloned().unwrap_or_default()
}
