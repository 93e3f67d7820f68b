//! Qwen 3: each head of queries and keys is normed before it is rotated. Source: `Qwen3Config`.

use super::biases::biases;
use super::family::{Defaults, Family};
use super::{qwen2, window};
use crate::config::switches::Switches;

pub(super) const FAMILY: Family = Family {
    class: "Qwen3ForCausalLM",
    model_type: "qwen3",
    defaults: Defaults {
        head_dim: Some(128),
        ..qwen2::DEFAULTS
    },
    switches: |asked| {
        // The class has no biases in its feed-forward part.
        let only = |one: &crate::Projection| one.path().starts_with("self_attn");
        let biases = biases(asked.raw)?.biases.into_iter().filter(only).collect();
        Ok(Switches {
            biases,
            head_norms: true,
            ..Switches::default()
        })
    },
    window: window::from_a_layer_on,
    write: |shape, json| {
        json.insert("head_dim".into(), shape.head_dim.into());
        let has = shape.switches.has_bias(crate::Projection::Query);
        json.insert("attention_bias".into(), has.into());
        window::write_with_flag(shape, json);
    },
    rope_parameters: None,
};
