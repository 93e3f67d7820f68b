//! Granite 3: Llama with four multipliers.
//!
//! `attention_multiplier` is the scale of the scores itself, in the place of `1 / sqrt(head_dim)`, and logits are
//! divided by `logits_scaling`. Source: `GraniteConfig`.

use serde_json::json;

use super::biases::{biases, write_biases};
use super::family::{Defaults, Family};
use crate::config::switches::{Multipliers, Switches};

pub(super) const FAMILY: Family = Family {
    class: "GraniteForCausalLM",
    model_type: "granite",
    defaults: Defaults::LLAMA,
    switches: |asked| {
        let number = |field: &str| asked.raw.number(field, Some(1.0));
        let multipliers = Multipliers {
            embedding: number("embedding_multiplier")?,
            attention: Some(number("attention_multiplier")?),
            residual: number("residual_multiplier")?,
            logits_divisor: number("logits_scaling")?,
        };
        Ok(Switches {
            multipliers,
            ..biases(asked.raw)?
        })
    },
    window: |_| Ok(None),
    write: |shape, json| {
        let all = &shape.switches.multipliers;
        json.insert("embedding_multiplier".into(), json!(all.embedding));
        json.insert(
            "attention_multiplier".into(),
            json!(all.attention.unwrap_or(1.0)),
        );
        json.insert("residual_multiplier".into(), json!(all.residual));
        json.insert("logits_scaling".into(), json!(all.logits_divisor));
        write_biases(shape, json);
    },
    rope_parameters: None,
};
