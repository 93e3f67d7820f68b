//! The type in which a model computes, as settings name it.

use std::fmt;
use std::str::FromStr;

use burn::tensor::FloatDType;
use idiolect_model::{LoadReport, StoredType};
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

impl Dtype {
    /// The type of most tensors of the files that a model was read from, which is in memory as `loaded`; `f16` where
    /// they are quantised.
    pub(crate) fn of_files(report: &LoadReport, loaded: Self) -> Self {
        let in_blocks: usize = report.kept.values().sum();
        let changed = report.cast.len() + in_blocks;
        let mut counts = [
            (loaded, report.loaded.len().saturating_sub(changed)),
            (Self::F32, 0),
            (Self::F16, in_blocks),
            (Self::Bf16, 0),
        ];
        for cast in &report.cast {
            let stored = match cast.stored.as_str() {
                "F32" => Self::F32,
                "BF16" => Self::Bf16,
                _ => Self::F16,
            };
            let all = counts.iter_mut().skip(1);
            all.filter(|(one, _)| *one == stored)
                .for_each(|(_, count)| *count += 1);
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        most.map_or(loaded, |(dtype, _)| dtype)
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

impl From<Dtype> for StoredType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
            Dtype::Bf16 => Self::Bf16,
        }
    }
}

#[cfg(feature = "gguf")]
impl From<Dtype> for idiolect_model::gguf::GgufType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
            Dtype::Bf16 => Self::Bf16,
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

#[cfg(test)]
mod tests {
    use idiolect_model::Cast;

    use super::*;

    fn report(stored: &[&str], loaded: usize) -> LoadReport {
        let cast = |stored: &&str| Cast {
            tensor: "t".into(),
            stored: (*stored).into(),
            loaded: "F32".into(),
        };
        LoadReport {
            loaded: vec!["t".into(); loaded],
            cast: stored.iter().map(cast).collect(),
            ..LoadReport::default()
        }
    }

    #[test]
    fn the_type_of_files_is_that_of_most_tensors() {
        let of = |stored: &[&str], loaded| Dtype::of_files(&report(stored, loaded), Dtype::F32);
        assert_eq!(of(&[], 3), Dtype::F32);
        assert_eq!(of(&["BF16", "BF16"], 3), Dtype::Bf16);
        assert_eq!(of(&["BF16", "F16", "F16"], 4), Dtype::F16);
        assert_eq!(of(&["Q4_1", "Q8_0"], 3), Dtype::F16);
        let kept = LoadReport {
            kept: [("Q4_K".into(), 2)].into(),
            ..report(&["BF16"], 4)
        };
        assert_eq!(Dtype::of_files(&kept, Dtype::F32), Dtype::F16);
    }
}
