//! Where a configuration says how its rotary frequencies are made: `rope_scaling`, `rope_parameters` and the top
//! level, each in part or whole.
//!
//! The order is that of `convert_rope_params_to_dict` and `standardize_rope_params` in transformers 5: a
//! `rope_scaling` that says something counts and `rope_parameters` does not; the base comes from that map, else from
//! the top level; the original length from the top level, else from that map, else it is the longest sequence.

use serde_json::{Map, Value, json};

use super::families::Architecture;
use super::fields::{Fields, number};
use super::rope_scaling::RopeScaling;
use crate::ModelError;

pub(super) const ORIGINAL: &str = "original_max_position_embeddings";

/// Base and stretching of the rotary frequencies.
pub(super) struct Rope {
    pub(super) theta: f64,
    pub(super) scaling: RopeScaling,
}

impl Fields<'_> {
    /// Base and stretching of the rotary frequencies.
    pub(super) fn rope(&self, of: Architecture) -> Result<Rope, ModelError> {
        let map = self.rope_map(of)?;
        let theta = number(
            &map,
            "rope_theta",
            Some(of.family().defaults.rope_theta),
            self.path,
        )?;
        let scaling = RopeScaling::from_json(&map, self.path)?;
        Ok(Rope { theta, scaling })
    }

    /// The map that counts, with what the top level adds to it.
    pub(super) fn rope_map(&self, of: Architecture) -> Result<Map<String, Value>, ModelError> {
        let says = |map: &&Map<String, Value>| !map.is_empty();
        let old = self.object("rope_scaling")?.filter(says);
        let new = self.object("rope_parameters")?;
        let absent = || {
            of.family()
                .rope_parameters
                .map_or_else(Map::new, |all| all())
        };
        let mut map = old.or(new).map_or_else(absent, Map::clone);
        self.refuse_by_layer(&map)?;
        let theta = self
            .get("rope_theta")
            .filter(|_| map.get("rope_theta").is_none_or(Value::is_null));
        if let Some(theta) = theta {
            map.insert("rope_theta".into(), theta.clone());
        }
        let kind = map
            .get("rope_type")
            .or_else(|| map.get("type"))
            .and_then(Value::as_str);
        if matches!(kind, Some("llama3" | "yarn" | "longrope")) {
            let longest = of.family().defaults.max_positions;
            let longest = json!(self.count("max_position_embeddings", Some(longest))?);
            if let Some(original) = self.get(ORIGINAL) {
                map.insert(ORIGINAL.into(), original.clone());
            } else if map.get(ORIGINAL).is_none_or(Value::is_null) {
                map.insert(ORIGINAL.into(), longest);
            }
        }
        Ok(map)
    }

    /// Maps of their own for some kinds of layers, and heads of which only a part is rotated.
    fn refuse_by_layer(&self, map: &Map<String, Value>) -> Result<(), ModelError> {
        if let Some((name, _)) = map.iter().find(|(_, value)| value.is_object()) {
            return Err(self.wrong(
                "rope_parameters",
                "one map for all layers",
                format!("one for {name}"),
            ));
        }
        let partial = self.number_of(map, "partial_rotary_factor", Some(1.0))?;
        if (partial - 1.0).abs() > 0.0 {
            let expected = "1, heads that are rotated whole";
            return Err(self.wrong("partial_rotary_factor", expected, partial));
        }
        Ok(())
    }
}
