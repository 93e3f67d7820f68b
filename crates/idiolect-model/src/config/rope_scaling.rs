//! How a checkpoint stretches its rotary frequencies: the kinds, from a configuration and back.
//!
//! Names, defaults and formulas are those of transformers' `modeling_rope_utils.py`.

use std::f64::consts::TAU;
use std::path::Path;

use idiolect_input::shown;
use serde_json::{Map, Value, json};

use super::fields::number;
use super::longrope::LongRope;
use super::stretch::{Frequencies, divisors, positions};
use super::yarn::Yarn;
use crate::ModelError;

/// What is expected of `rope_type`.
const KINDS: &str = "default, linear, dynamic, yarn, longrope or llama3";

/// How the rotary frequencies differ from the plain ones.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RopeScaling {
    /// Plain frequencies.
    None,
    /// All frequencies divided by `factor`.
    Linear {
        /// Stretch of the context, at least 1.
        factor: f64,
    },
    /// Plain frequencies up to the longest sequence; what lies beyond is refused, as its frequencies would depend on
    /// what else stands in a batch.
    Dynamic {
        /// Stretch of the context beyond the longest sequence.
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
    /// Low frequencies divided, high ones unchanged, a linear transition between them, and longer vectors.
    Yarn(Yarn),
    /// A divisor for each frequency, others for sequences beyond the original length.
    LongRope(LongRope),
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
        let factor = || number("factor");
        match kind.unwrap_or("default") {
            "default" => Ok(Self::None),
            "linear" => Ok(Self::Linear { factor: factor()? }),
            "dynamic" => Ok(Self::Dynamic { factor: factor()? }),
            "yarn" => Yarn::from_json(map, path).map(Self::Yarn),
            "longrope" => LongRope::from_json(map, path).map(Self::LongRope),
            "llama3" => Ok(Self::Llama3 {
                factor: factor()?,
                low_freq_factor: number("low_freq_factor")?,
                high_freq_factor: number("high_freq_factor")?,
                original_positions: number("original_max_position_embeddings")?,
            }),
            "factors" => Ok(Self::Factors {
                divisors: divisors(map, "divisors", path)?,
            }),
            other => Err(ModelError::config(
                path,
                "rope_type",
                KINDS,
                shown(other, 60),
            )),
        }
    }

    /// Refuses numbers that do not fit each other or the number of frequencies.
    pub(super) fn check(&self, frequencies: usize, path: &Path) -> Result<(), ModelError> {
        match self {
            Self::Factors { divisors } => count(divisors, "divisors", frequencies, path),
            Self::LongRope(longrope) => {
                count(&longrope.short, "short_factor", frequencies, path)?;
                count(&longrope.long, "long_factor", frequencies, path)
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
            Self::Dynamic { factor } => json!({"rope_type": "dynamic", "factor": factor}),
            Self::Yarn(yarn) => yarn.to_json(),
            Self::LongRope(longrope) => longrope.to_json(),
            Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_positions,
            } => json!({
                "rope_type": "llama3", "factor": factor, "low_freq_factor": low_freq_factor,
                "high_freq_factor": high_freq_factor,
                "original_max_position_embeddings": positions(*original_positions),
            }),
            Self::Factors { divisors } => json!({"rope_type": "factors", "divisors": divisors}),
        }
    }

    /// The divisor of the frequency at `index`, which is `frequency`; from 0 for the highest.
    ///
    /// `all` is what all frequencies are made of; a sequence is long where it exceeds the original length.
    pub(crate) fn divisor(&self, index: usize, frequency: f64, all: Frequencies) -> f64 {
        match self {
            Self::None | Self::Dynamic { .. } => 1.0,
            Self::Linear { factor } => *factor,
            Self::Factors { divisors } => divisors.get(index).copied().unwrap_or(1.0),
            Self::Yarn(yarn) => yarn.divisor(index, all),
            Self::LongRope(longrope) => longrope.divisor(index, all.is_long),
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

    /// What cosines and sines are multiplied by.
    pub(crate) fn attention_factor(&self, max_positions: usize) -> f64 {
        match self {
            Self::Yarn(yarn) => yarn.attention_factor(),
            Self::LongRope(longrope) => longrope.attention_factor(max_positions),
            _ => 1.0,
        }
    }

    /// The length beyond which a sequence has other frequencies, in tokens; none where all have the same.
    #[must_use]
    pub fn switches_beyond(&self) -> Option<usize> {
        match self {
            // A length, which no f64 rounds.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Self::LongRope(longrope) => Some(longrope.original_positions as usize),
            _ => None,
        }
    }
}

fn count(divisors: &[f64], field: &str, frequencies: usize, path: &Path) -> Result<(), ModelError> {
    if divisors.len() == frequencies {
        return Ok(());
    }
    let expected = format!("one for each of {frequencies} frequencies");
    Err(ModelError::config(path, field, expected, divisors.len()))
}
