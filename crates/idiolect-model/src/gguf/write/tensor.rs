//! Tensors in the types that are written, and what becomes of one that has no whole blocks.

use std::fmt;
use std::str::FromStr;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

use crate::ModelError;
use crate::floats::beyond_f16;

/// Type of the matrices of a written file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GgufType {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits, of which 5 exponent.
    F16,
    /// 16 bits, of which 8 exponent.
    Bf16,
    /// Blocks of 32 values in 8 bits, with one scale.
    Q8_0,
    /// Blocks of 32 values in 4 bits, with one scale.
    Q4_0,
}

impl GgufType {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::F32, Self::F16, Self::Bf16, Self::Q8_0, Self::Q4_0];

    /// Its name: `f32`, `f16`, `bf16`, `q8_0` or `q4_0`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
        }
    }

    /// What a file whose matrices mostly have this type says of itself (`llama_ftype` of llama.cpp).
    pub(super) fn file_type(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q8_0 => 7,
            Self::Bf16 => 32,
        }
    }

    /// The type of embedding and head where this is that of the other matrices: words take more bits.
    pub(super) fn of_words(self) -> Self {
        match self {
            Self::Q4_0 => Self::Q8_0,
            other => other,
        }
    }

    /// The type in which a tensor of this shape is stored: vectors are f32, and rows that are no whole blocks f16.
    fn of_shape(self, shape: &[usize]) -> Self {
        let row = shape.last().copied().unwrap_or(0);
        match (shape, self.block()) {
            ([] | [_], _) => Self::F32,
            (_, block) if row.is_multiple_of(block.block_size()) => self,
            _ => Self::F16,
        }
    }

    fn block(self) -> GgmlDType {
        match self {
            Self::F32 => GgmlDType::F32,
            Self::F16 => GgmlDType::F16,
            Self::Bf16 => GgmlDType::BF16,
            Self::Q8_0 => GgmlDType::Q8_0,
            Self::Q4_0 => GgmlDType::Q4_0,
        }
    }
}

impl fmt::Display for GgufType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for GgufType {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, ModelError> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == name);
        found.ok_or_else(|| ModelError::Input {
            what: "stored".into(),
            expected: Self::ALL.map(Self::as_str).join(", "),
            found: name.into(),
        })
    }
}

/// A tensor in the type and with the name that it has in a file.
pub struct GgufTensor {
    pub(super) name: String,
    pub(super) stored: GgufType,
    pub(super) blocks: QTensor,
}

impl GgufTensor {
    /// Encodes values, which are row-major, in `kind`; vectors stay in f32, and a matrix whose rows are no whole
    /// blocks of `kind` is stored in f16.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] names a tensor with a value that f16 would make infinite, or whose values are not as
    /// many as its shape says.
    pub fn new(
        name: impl Into<String>,
        shape: &[usize],
        values: Vec<f32>,
        kind: GgufType,
    ) -> Result<Self, ModelError> {
        let (name, stored) = (name.into(), kind.of_shape(shape));
        let wrong = |expected: String, found: String| ModelError::Input {
            what: format!("tensor {name}"),
            expected,
            found,
        };
        if let (GgufType::F16, Some(found)) = (stored, beyond_f16(&values)) {
            let expected = "values below 65520 for f16";
            return Err(wrong(expected.into(), found.to_string()));
        }
        let encoded = Tensor::from_vec(values, shape, &Device::Cpu)
            .and_then(|tensor| QTensor::quantize(&tensor, stored.block()));
        let blocks =
            encoded.map_err(|error| wrong(format!("{stored} of {shape:?}"), error.to_string()))?;
        Ok(Self {
            name,
            stored,
            blocks,
        })
    }

    /// Its name in the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type in which it is stored.
    #[must_use]
    pub fn stored(&self) -> GgufType {
        self.stored
    }

    /// Bytes that it takes in the file, without what fills the space to the next one.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.blocks.storage_size_in_bytes() as u64
    }
}

impl fmt::Debug for GgufTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.name, self.stored, self.blocks.shape())
    }
}
