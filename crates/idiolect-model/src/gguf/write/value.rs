//! Values of metadata, as they are written.

use candle_core::quantized::gguf_file::Value;

/// A value of a GGUF file's metadata.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum GgufValue {
    /// A count or an id.
    U32(u32),
    /// A number.
    F32(f32),
    /// True or false.
    Bool(bool),
    /// A text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
    /// A list of kinds.
    I32s(Vec<i32>),
    /// A list of numbers.
    F32s(Vec<f32>),
}

impl From<bool> for GgufValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u32> for GgufValue {
    fn from(value: u32) -> Self {
        Self::U32(value)
    }
}

impl From<f32> for GgufValue {
    fn from(value: f32) -> Self {
        Self::F32(value)
    }
}

impl From<&str> for GgufValue {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl GgufValue {
    /// As candle writes it.
    pub(super) fn into_candle(self) -> Value {
        match self {
            Self::U32(value) => Value::U32(value),
            Self::F32(value) => Value::F32(value),
            Self::Bool(value) => Value::Bool(value),
            Self::Text(value) => Value::String(value),
            Self::Texts(all) => Value::Array(all.into_iter().map(Value::String).collect()),
            Self::I32s(all) => Value::Array(all.into_iter().map(Value::I32).collect()),
            Self::F32s(all) => Value::Array(all.into_iter().map(Value::F32).collect()),
        }
    }
}
