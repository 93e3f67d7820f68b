//! Ministral 3 and Devstral 2: Mistral with yarn, and queries that grow with the logarithm of their position.
//!
//! Without `rope_parameters` a configuration has those of the class. Source: `Ministral3Config`,
//! `get_llama_4_attn_scale` in transformers' `modeling_ministral3.py`.

use serde_json::{Map, Value, json};

use super::{Defaults, Family, window};
use crate::config::switches::{QueryScale, Switches};

pub(super) const FAMILY: Family = Family {
    class: "Ministral3ForCausalLM",
    model_type: MODEL_TYPE,
    defaults: Defaults {
        kv_heads: Some(8),
        head_dim: Some(128),
        max_positions: 262_144,
        norm_eps: 1e-5,
        tokens: [Some(1), Some(2), Some(11)],
        ..Defaults::LLAMA
    },
    switches: |raw, config| {
        let rope = raw.rope_map(config.architecture)?;
        let number = |field: &str, default| raw.number_of(&rope, field, default);
        let beta = number("llama_4_scaling_beta", Some(0.0))?;
        let original = config.max_positions as f64;
        let original_positions = number("original_max_position_embeddings", Some(original))?;
        Ok(Switches {
            query_scale: (beta > 0.0).then_some(QueryScale {
                beta,
                original_positions,
            }),
            ..Switches::default()
        })
    },
    window: |raw, _| window::of_all_layers(raw, None),
    write: |config, json| {
        json.insert("head_dim".into(), config.head_dim.into());
        window::write(config, json);
    },
};

/// The name in `model_type`; checkpoints of this class have `rope_parameters` and no older form.
pub(in crate::config) const MODEL_TYPE: &str = "ministral3";

/// What absent `rope_parameters` mean.
pub(in crate::config) fn rope_parameters() -> Map<String, Value> {
    let parameters = json!({
        "rope_type": "yarn", "rope_theta": 1e6, "factor": 16.0, "original_max_position_embeddings": 16_384,
        "beta_fast": 32.0, "beta_slow": 1.0, "mscale_all_dim": 1.0, "mscale": 1.0,
        "llama_4_scaling_beta": 0.1,
    });
    parameters.as_object().cloned().unwrap_or_default()
}
