//! Rotary position embedding in the half-split layout of Hugging Face checkpoints.
//!
//! A head of width `d` is two halves `[a, b]`; position `p` turns pair `i` by `p * f_i`:
//! `[a cos - b sin, b cos + a sin]` with `f_i = theta^(-2i/d)` (Su et al., arXiv 2104.09864).
//! Llama 3 stretches low frequencies as `transformers` does in `modeling_rope_utils.py`
//! (`_compute_llama3_parameters`).
//! Burn's own `RotaryEncoding` pairs neighbours and takes one offset for the whole batch; left padding
//! needs a position for every row, so it is not used.

use std::f64::consts::TAU;
use std::path::Path;

use burn::tensor::{DType, Device, Tensor, TensorData};
use serde_json::{Map, Value, json};

use crate::{ModelConfig, ModelError, config::number};

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
    /// Low frequencies divided by `factor`, high ones kept, a smooth passage between.
    Llama3 {
        /// Stretch of the low frequencies.
        factor: f64,
        /// Wavelengths above `original_positions / low_freq_factor` are stretched fully.
        low_freq_factor: f64,
        /// Wavelengths below `original_positions / high_freq_factor` are kept.
        high_freq_factor: f64,
        /// Context length before stretching, in tokens.
        original_positions: f64,
    },
    /// Each frequency divided by its own factor; GGUF files store Llama 3's stretching so.
    Factors {
        /// One divisor a frequency, `head_dim / 2` of them.
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
        let kind = map
            .get("rope_type")
            .or_else(|| map.get("type"))
            .and_then(Value::as_str);
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
            other => Err(ModelError::Config {
                path: path.into(),
                field: "rope_type".into(),
                expected: "default, linear or llama3".into(),
                found: other.into(),
            }),
        }
    }

    fn divisors(map: &Map<String, Value>, path: &Path) -> Result<Self, ModelError> {
        let list = map.get("divisors").and_then(Value::as_array);
        let divisors: Option<Vec<f64>> =
            list.and_then(|list| list.iter().map(Value::as_f64).collect());
        divisors
            .map(|divisors| Self::Factors { divisors })
            .ok_or_else(|| ModelError::Config {
                path: path.into(),
                field: "divisors".into(),
                expected: "a list of numbers".into(),
                found: map
                    .get("divisors")
                    .map_or("nothing".into(), Value::to_string),
            })
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

    /// The divisor of the frequency `frequency`, the `index`-th.
    fn divisor(&self, index: usize, frequency: f64) -> f64 {
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

/// The angles by which a decoder turns its queries and keys.
#[derive(Debug, Clone)]
pub struct Rope {
    frequencies: Vec<f32>,
}

/// Cosines and sines of some positions, each `[rows, 1, tokens, head_dim / 2]` in f32.
#[derive(Debug, Clone)]
pub struct Angles {
    cos: Tensor<4>,
    sin: Tensor<4>,
}

impl Rope {
    /// Frequencies of a configuration.
    #[must_use]
    pub fn new(config: &ModelConfig) -> Self {
        let width = config.head_dim as f64;
        let one = |i: usize| {
            let plain = config.rope_theta.powf(-2.0 * i as f64 / width);
            // The reference keeps frequencies in f32.
            #[allow(clippy::cast_possible_truncation)]
            let stretched = (plain / config.rope_scaling.divisor(i, plain)) as f32;
            stretched
        };
        Self {
            frequencies: (0..config.head_dim / 2).map(one).collect(),
        }
    }

    /// The frequencies, in radians a position, highest first.
    #[must_use]
    pub fn frequencies(&self) -> &[f32] {
        &self.frequencies
    }

    /// Angles of the given positions; `positions` holds `rows * tokens` of them, row by row.
    #[must_use]
    pub fn angles(&self, positions: &[usize], rows: usize, device: &Device) -> Angles {
        let half = self.frequencies.len();
        let shape = [rows, 1, positions.len() / rows.max(1), half];
        let mut cos = Vec::with_capacity(positions.len() * half);
        let mut sin = Vec::with_capacity(positions.len() * half);
        for position in positions {
            for frequency in &self.frequencies {
                let (s, c) = (*position as f32 * frequency).sin_cos();
                cos.push(c);
                sin.push(s);
            }
        }
        let tensor =
            |values| Tensor::from_data(TensorData::new(values, shape), (device, DType::F32));
        Angles {
            cos: tensor(cos),
            sin: tensor(sin),
        }
    }
}

impl Angles {
    /// Turns the heads of `x`.
    ///
    /// # Shapes
    ///
    /// - `x`: `[rows, heads, tokens, head_dim]`, and so is the result
    #[must_use]
    pub fn rotate(&self, x: Tensor<4>) -> Tensor<4> {
        idiolect_kernels::rotate(x, self.cos.clone(), self.sin.clone())
    }
}
