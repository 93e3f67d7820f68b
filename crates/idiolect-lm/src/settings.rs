//! Which model, and where it computes: the part of a configuration file that opens a language model.

use std::fmt;
use std::str::FromStr;

use burn::tensor::FloatDType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::LmError;

/// Which model, and where it computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ModelSettings {
    /// Hugging Face folder, .gguf file, or the name of a model on the Hub (owner/name).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Where it computes: cpu (also called flex), cuda, cuda:1, vulkan, wgpu or metal; cpu by default.
    pub device: String,
    /// Type of weights and activations: f32, bf16 or f16; f32 by default.
    pub dtype: Dtype,
    /// Bits in which the projections are kept, 8 or 4; by default they have the type of the rest.
    pub quantize: Option<u8>,
    /// Threads of the CPU, at least 1; as many as cores by default.
    pub threads: Option<usize>,
    /// Template of a conversation: a name, or the path of a .jinja or a .toml file. By default the checkpoint's
    /// own chat template, and alpaca where it has none.
    pub template: Option<String>,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            model: String::new(),
            device: "cpu".into(),
            dtype: Dtype::default(),
            quantize: None,
            threads: None,
            template: None,
        }
    }
}

impl ModelSettings {
    /// The settings of a model with everything else as it is by default.
    #[must_use]
    pub fn of(model: &str) -> Self {
        Self {
            model: model.into(),
            ..Self::default()
        }
    }

    /// Refuses what can be refused without a look at the model or the device.
    ///
    /// # Errors
    ///
    /// [`LmError::Setting`] for no model, a device that was not compiled in, a number of bits other than 8
    /// and 4, and 0 threads.
    pub fn check(&self) -> Result<(), LmError> {
        if self.model.is_empty() {
            return Err(LmError::setting("model", "a model", "nothing"));
        }
        crate::device::named(&self.device)?;
        self.quantize.map(crate::device::bits).transpose()?;
        match self.threads {
            Some(0) => Err(LmError::setting("threads", "at least 1", 0)),
            _ => Ok(()),
        }
    }
}

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
