//! `LongRoPE` (Ding et al., arXiv 2402.13753), as `_compute_longrope_parameters` in transformers'
//! `modeling_rope_utils.py` computes it.
//!
//! Sequences up to the original length have one divisor for each frequency, longer ones another.
//! transformers goes by the longest sequence of a batch; here each sequence goes by its own length, so that no row
//! depends on the others.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::fields::number;
use super::stretch::{divisors, positions};
use crate::ModelError;

/// Numbers of `LongRoPE`.
#[derive(Debug, Clone, PartialEq)]
pub struct LongRope {
    /// A divisor for each frequency of a sequence up to the original length.
    pub short: Vec<f64>,
    /// A divisor for each frequency of a longer one.
    pub long: Vec<f64>,
    /// Context length before stretching, in tokens.
    pub original_positions: f64,
    /// Stretch of the context; by default the longest sequence over the original length.
    pub factor: Option<f64>,
    /// What cosines and sines are multiplied by, where it is given.
    pub attention_factor: Option<f64>,
}

impl LongRope {
    pub(super) fn from_json(map: &Map<String, Value>, path: &Path) -> Result<Self, ModelError> {
        let given = |field: &str| {
            let there = map.get(field).is_some_and(|value| !value.is_null());
            there.then(|| number(map, field, None, path)).transpose()
        };
        Ok(Self {
            short: divisors(map, "short_factor", path)?,
            long: divisors(map, "long_factor", path)?,
            original_positions: number(map, "original_max_position_embeddings", None, path)?,
            factor: given("factor")?,
            attention_factor: given("attention_factor")?,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let mut json = json!({
            "rope_type": "longrope", "short_factor": self.short, "long_factor": self.long,
            "original_max_position_embeddings": positions(self.original_positions),
        });
        let given = [
            ("factor", self.factor),
            ("attention_factor", self.attention_factor),
        ];
        for (field, value) in given {
            if let Some(value) = value {
                json[field] = json!(value);
            }
        }
        json
    }

    pub(super) fn divisor(&self, index: usize, is_long: bool) -> f64 {
        let all = if is_long { &self.long } else { &self.short };
        all.get(index).copied().unwrap_or(1.0)
    }

    pub(super) fn attention_factor(&self, max_positions: usize) -> f64 {
        let stretch = max_positions as f64 / self.original_positions;
        let factor = self.factor.unwrap_or(stretch);
        let derived = match factor {
            factor if factor <= 1.0 => 1.0,
            factor => (1.0 + factor.ln() / self.original_positions.ln()).sqrt(),
        };
        self.attention_factor.unwrap_or(derived)
    }
}
