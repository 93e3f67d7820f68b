//! Yarn (Peng et al., arXiv 2309.00071), as `_compute_yarn_parameters` in transformers' `modeling_rope_utils.py`
//! computes it.
//!
//! With `dim(r) = d ln(original / (2 pi r)) / (2 ln theta)`, `low = dim(beta_fast)` and `high = dim(beta_slow)`,
//! frequency `i` is divided by `1 / (1 - ramp + ramp / factor)` with `ramp = clamp((i - low) / (high - low), 0, 1)`.

use std::f64::consts::TAU;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::fields::number;
use super::stretch::{Frequencies, positions};
use crate::ModelError;

/// Numbers of yarn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Yarn {
    /// Stretch of the low frequencies.
    pub factor: f64,
    /// Context length before stretching, in tokens.
    pub original_positions: f64,
    /// Frequencies that turn more often than this over the original length are not stretched; 32 by default.
    pub beta_fast: Option<f64>,
    /// Those that turn less often are stretched fully; 1 by default.
    pub beta_slow: Option<f64>,
    /// What cosines and sines are multiplied by, where it is given.
    pub attention_factor: Option<f64>,
    /// How that follows from the stretch: numerator.
    pub mscale: Option<f64>,
    /// How that follows from the stretch: denominator. Zero is none.
    pub mscale_all_dim: Option<f64>,
    /// Whether the bounds of the transition are whole; they are by default.
    pub truncate: bool,
}

impl Yarn {
    pub(super) fn from_json(map: &Map<String, Value>, path: &Path) -> Result<Self, ModelError> {
        let given = |field: &str| {
            let value = map.get(field).filter(|value| !value.is_null());
            let read = |value: &Value| {
                let number = value.as_f64().filter(|n| n.is_finite() && *n >= 0.0);
                number.ok_or_else(|| ModelError::config(path, field, "a number from 0 on", value))
            };
            value.map(read).transpose()
        };
        let truncate = map.get("truncate").map_or(Some(true), Value::as_bool);
        let wrong = || ModelError::config(path, "truncate", "true or false", &map["truncate"]);
        Ok(Self {
            factor: number(map, "factor", None, path)?,
            original_positions: number(map, "original_max_position_embeddings", None, path)?,
            beta_fast: given("beta_fast")?,
            beta_slow: given("beta_slow")?,
            attention_factor: given("attention_factor")?,
            mscale: given("mscale")?,
            mscale_all_dim: given("mscale_all_dim")?,
            truncate: truncate.ok_or_else(wrong)?,
        })
    }

    pub(super) fn to_json(self) -> Value {
        let mut json = json!({
            "rope_type": "yarn", "factor": self.factor,
            "original_max_position_embeddings": positions(self.original_positions),
        });
        let given = [
            ("beta_fast", self.beta_fast),
            ("beta_slow", self.beta_slow),
            ("attention_factor", self.attention_factor),
            ("mscale", self.mscale),
            ("mscale_all_dim", self.mscale_all_dim),
        ];
        for (field, value) in given {
            if let Some(value) = value {
                json[field] = json!(value);
            }
        }
        if !self.truncate {
            json["truncate"] = false.into();
        }
        json
    }

    pub(super) fn divisor(self, index: usize, all: Frequencies) -> f64 {
        let width = all.head_dim as f64;
        let turns = |turns: f64| {
            width * (self.original_positions / (turns * TAU)).ln() / (2.0 * all.theta.ln())
        };
        // Zero is as good as nothing there.
        let or = |beta: Option<f64>, default| beta.filter(|beta| *beta > 0.0).unwrap_or(default);
        let (mut low, mut high) = (
            turns(or(self.beta_fast, 32.0)),
            turns(or(self.beta_slow, 1.0)),
        );
        if self.truncate {
            (low, high) = (low.floor(), high.ceil());
        }
        (low, high) = (low.max(0.0), high.min(width - 1.0));
        if (high - low).abs() <= 0.0 {
            high += 0.001;
        }
        let ramp = ((index as f64 - low) / (high - low)).clamp(0.0, 1.0);
        1.0 / (1.0 - ramp + ramp / self.factor)
    }

    pub(crate) fn attention_factor(self) -> f64 {
        let scale = |weight: f64| match self.factor {
            factor if factor <= 1.0 => 1.0,
            factor => 0.1 * weight * factor.ln() + 1.0,
        };
        let both = self.mscale.zip(self.mscale_all_dim);
        let both = both.filter(|(over, under)| *over > 0.0 && *under > 0.0);
        let derived =
            || both.map_or_else(|| scale(1.0), |(over, under)| scale(over) / scale(under));
        self.attention_factor.unwrap_or_else(derived)
    }
}
