//! Stored floats as f32, each of them finite: the one place where weights of files become numbers.

use std::path::Path;

use half::f16;
use idiolect_kernels::{Half, NotFinite, not_finite, not_finite_halves};
use safetensors::Dtype;

use crate::ModelError;

/// Types of floats that are read.
const READABLE: &str = "F32, F16, BF16";

/// Why stored values cannot be used.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum FloatProblem {
    /// They are of a type that is not a float of at most 32 bits.
    Type(Dtype),
    /// One of them is NaN or infinite.
    NotFinite(NotFinite),
}

impl FloatProblem {
    /// What can be used.
    #[must_use]
    pub fn expected(&self) -> &'static str {
        match self {
            Self::Type(_) => READABLE,
            Self::NotFinite(_) => "finite values",
        }
    }

    /// What is there.
    #[must_use]
    pub fn found(&self) -> String {
        match self {
            Self::Type(dtype) => format!("{dtype:?}"),
            Self::NotFinite(found) => found.to_string(),
        }
    }

    /// The error of a tensor of a file.
    pub(crate) fn in_tensor(self, path: &Path, tensor: &str) -> ModelError {
        match self {
            Self::Type(_) => ModelError::Stored {
                path: path.into(),
                tensor: tensor.into(),
                found: self.found(),
                readable: READABLE,
            },
            Self::NotFinite(_) => {
                let what = format!("tensor {tensor}");
                ModelError::corrupt(path, what, self.expected(), self.found())
            }
        }
    }
}

/// Little-endian floats as f32.
///
/// # Errors
///
/// [`FloatProblem`] for a type that is not a float of at most 32 bits, and for a value that is NaN or infinite.
pub fn finite_floats(bytes: &[u8], dtype: Dtype) -> Result<Vec<f32>, FloatProblem> {
    // The bytes of halves are checked, of which there are half as many as of the values.
    let in_halves = match dtype {
        Dtype::F16 => not_finite_halves(bytes, Half::F16),
        Dtype::BF16 => not_finite_halves(bytes, Half::Bf16),
        _ => None,
    };
    if let Some(found) = in_halves {
        return Err(FloatProblem::NotFinite(found));
    }
    let values = widened(bytes, dtype).ok_or(FloatProblem::Type(dtype))?;
    let in_values = (dtype == Dtype::F32).then(|| not_finite(&values));
    match in_values.flatten() {
        Some(found) => Err(FloatProblem::NotFinite(found)),
        None => Ok(values),
    }
}

/// The first value that f16 would make infinite.
pub(crate) fn beyond_f16(values: &[f32]) -> Option<f32> {
    values.iter().copied().find(|value| value.abs() >= 65_520.0)
}

/// Little-endian floats as f32, unchecked; `None` for a type that is not a float of at most 32 bits.
pub(crate) fn widened(bytes: &[u8], dtype: Dtype) -> Option<Vec<f32>> {
    let halves =
        |to_f32: fn([u8; 2]) -> f32| bytes.as_chunks().0.iter().map(|b| to_f32(*b)).collect();
    match dtype {
        Dtype::F32 => Some(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
        ),
        Dtype::F16 => Some(halves(|b| f16::from_le_bytes(b).to_f32())),
        // The upper half of an f32.
        Dtype::BF16 => Some(halves(|[low, high]| f32::from_le_bytes([0, 0, low, high]))),
        _ => None,
    }
}
