//! How a checkpoint stretches its rotary frequencies.
//!
//! Llama 3 stretches low frequencies as `transformers` does in `modeling_rope_utils.py`
//! (`_compute_llama3_parameters`).

use std::f64::consts::TAU;
use std::path::Path;

use idiolect_input::shown;
use serde_json::{Map, Value, json};

use super::fields::number;
use crate::ModelError;

/// How the rotary frequencies differ from the plain ones.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// Plain frequencies.
    None,
    /// All frequencies divided by `factor`.
    Linear {
        /// Stretch of the context, at least 1.
        factor: f64,
    },
    /// Low frequencies divided by `factor`, high ones unchanged, and a smooth transition between them.
    Llama3 {
        /// Stretch of the low frequencies.
        factor: f64,
        /// Wavelengths above `original_positions / low_freq_factor` are stretched fully.
        low_freq_factor: f64,
        /// Wavelengths below `original_positions / high_freq_factor` are not.
        high_freq_factor: f64,
        /// Context length before stretching, in tokens.
        original_positions: f64,
    },
    /// Each frequency divided by its own factor: the form in which GGUF files store Llama 3's stretching.
    Factors {
        /// One divisor for each frequency, `head_dim / 2` of them.
        divisors: Vec<f64>,
    },
}

impl RopeScaling {
    /// Reads `rope_scaling` or `rope_parameters`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Config`] when the kind is not supported or a number is missing.
    pub fn from_json(map: &Map<String, Value>, path: &Path) -> Result<Self, ModelError> {
        let kind = map.get("rope_type").or_else(|| map.get("type"));
        let kind = match kind.filter(|kind| !kind.is_null()) {
            None => None,
            Some(Value::String(kind)) => Some(kind.as_str()),
            Some(other) => return Err(ModelError::config(path, "rope_type", "a text", other)),
        };
        let number = |field: &str| number(map, field, None, path);
        match kind.unwrap_or("default") {
            "default" => Ok(Self::None),
            "linear" => Ok(Self::Linear {
                factor: number("factor")?,
            }),
            "llama3" => Ok(Self::Llama3 {
                factor: number("factor")?,
                low_freq_factor: number("low_freq_factor")?,
                high_freq_factor: number("high_freq_factor")?,
                original_positions: number("original_max_position_embeddings")?,
            }),
            "factors" => Self::divisors(map, path),
            other => {
                let expected = "default, linear or llama3";
                let found = shown(other, 60);
                Err(ModelError::config(path, "rope_type", expected, found))
            }
        }
    }

    fn divisors(map: &Map<String, Value>, path: &Path) -> Result<Self, ModelError> {
        let list = map.get("divisors").and_then(Value::as_array);
        let divisors: Option<Vec<f64>> =
            list.and_then(|list| list.iter().map(Value::as_f64).collect());
        let divisors = divisors.filter(|all| all.iter().all(|one| one.is_finite() && *one > 0.0));
        let found = || {
            map.get("divisors")
                .map_or("nothing".into(), Value::to_string)
        };
        let expected = "a list of positive numbers";
        let wrong = || ModelError::config(path, "divisors", expected, shown(&found(), 60));
        let divisors = divisors.ok_or_else(wrong)?;
        Ok(Self::Factors { divisors })
    }

    /// Refuses numbers that do not fit each other or the number of frequencies.
    pub(super) fn check(&self, frequencies: usize, path: &Path) -> Result<(), ModelError> {
        match self {
            Self::Factors { divisors } if divisors.len() != frequencies => {
                let expected = format!("one for each of {frequencies} frequencies");
                Err(ModelError::config(
                    path,
                    "divisors",
                    expected,
                    divisors.len(),
                ))
            }
            Self::Llama3 {
                low_freq_factor: low,
                high_freq_factor: high,
                ..
            } if high <= low => {
                let expected = format!("more than low_freq_factor = {low}");
                Err(ModelError::config(path, "high_freq_factor", expected, high))
            }
            _ => Ok(()),
        }
    }

    /// The classic `rope_scaling` value of a `config.json`; `null` for plain frequencies.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Linear { factor } => json!({"rope_type": "linear", "factor": factor}),
            Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_positions,
            } => json!({
                "rope_type": "llama3", "factor": factor, "low_freq_factor": low_freq_factor,
                "high_freq_factor": high_freq_factor,
                // Positions are whole; transformers refuses them as floats.
                "original_max_position_embeddings": original_positions.round().to_string()
                    .parse::<u64>().unwrap_or_default(),
            }),
            Self::Factors { divisors } => json!({"rope_type": "factors", "divisors": divisors}),
        }
    }

    /// The divisor of `frequency`, which is the one at `index`, from 0 for the highest.
    pub(crate) fn divisor(&self, index: usize, frequency: f64) -> f64 {
        match self {
            Self::None => 1.0,
            Self::Linear { factor } => *factor,
            Self::Factors { divisors } => divisors.get(index).copied().unwrap_or(1.0),
            Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_positions,
            } => {
                let turns = original_positions * frequency / TAU;
                let smooth = ((turns - low_freq_factor) / (high_freq_factor - low_freq_factor))
                    .clamp(0.0, 1.0);
                1.0 / ((1.0 - smooth) / factor + smooth)
            }
        }
    }
}
