//! Settings of GGUF files that only some architectures have, in the words of a configuration.

use serde_json::{Map, Value, json};

use super::architecture::Architecture;
use super::metadata::Metadata;
use crate::ModelError;

impl Metadata<'_> {
    /// The settings that only this architecture has.
    pub(super) fn own_settings(&self) -> Result<Map<String, Value>, ModelError> {
        let mut json = Map::new();
        match self.architecture {
            // A file without a stretching has none, where a configuration without one has the class's.
            Architecture::Mistral3 => {
                let plain = json!({"rope_type": "default"});
                json.insert("rope_parameters".into(), plain);
            }
            // Every fourth layer is not rotated, which no key says.
            Architecture::SmolLm3 => drop(json.insert("no_rope_layer_interval".into(), 4.into())),
            Architecture::Granite => {
                let keys = [
                    ("embedding_multiplier", "embedding_scale"),
                    ("attention_multiplier", "attention.scale"),
                    ("residual_multiplier", "residual_scale"),
                    ("logits_scaling", "logit_scale"),
                ];
                for (name, key) in keys {
                    let value = self.number(key)?;
                    let missing = || self.wrong(&self.key(key), "a number", &"nothing");
                    json.insert(name.into(), json!(value.ok_or_else(missing)?));
                }
            }
            _ => {}
        }
        Ok(json)
    }

    /// Whether projections have biases, in the words of a configuration.
    ///
    /// A part of a kind is refused: no class has it.
    pub(super) fn biases(&self) -> Result<Map<String, Value>, ModelError> {
        let has = |part: &str| {
            let name = format!("blk.0.{part}.bias");
            self.header.tensors.contains_key(&name)
        };
        let kinds = [
            (
                "attention_bias",
                &["attn_q", "attn_k", "attn_v", "attn_output"][..],
            ),
            ("mlp_bias", &["ffn_gate", "ffn_up", "ffn_down"][..]),
        ];
        let mut json = Map::new();
        for (field, parts) in kinds {
            let there: Vec<&str> = parts.iter().copied().filter(|part| has(part)).collect();
            let by_class = self.architecture == Architecture::Qwen2;
            if !there.is_empty() && there.len() < parts.len() && !by_class {
                let expected = format!("beside those of {}", parts.join(", "));
                let first = format!("blk.0.{}.bias", there[0]);
                return Err(self.wrong(&first, &expected, &"alone"));
            }
            let has = there.len() == parts.len();
            if has || field == "attention_bias" {
                json.insert(field.into(), has.into());
            }
        }
        Ok(json)
    }
}
