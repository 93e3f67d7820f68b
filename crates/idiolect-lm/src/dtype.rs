//! The type in which a model computes, as settings name it.

use std::fmt;
use std::str::FromStr;

use burn::tensor::FloatDType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::LmError;

/// A type of weights and activations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Dtype {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits, of which 8 exponent.
    Bf16,
    /// 16 bits, of which 5 exponent.
    F16,
}

impl Dtype {
    /// Its name: `f32`, `bf16` or `f16`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dtype {
    type Err = LmError;

    fn from_str(name: &str) -> Result<Self, LmError> {
        match name {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            "f16" => Ok(Self::F16),
            _ => Err(LmError::setting("dtype", "f32, bf16 or f16", name)),
        }
    }
}

impl From<Dtype> for FloatDType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::Bf16 => Self::BF16,
            Dtype::F16 => Self::F16,
        }
    }
}

impl From<FloatDType> for Dtype {
    /// The type of a model; one of 64 bits, which no model is opened in, counts as `f32`.
    fn from(dtype: FloatDType) -> Self {
        match dtype {
            FloatDType::BF16 => Self::Bf16,
            FloatDType::F16 => Self::F16,
            _ => Self::F32,
        }
    }
}
