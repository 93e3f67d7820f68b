//! Types of the blocks in which GGUF files hold weights, as `ggml` lays them out (`ggml-common.h`).

/// How values of a weight are stored: in blocks of neighbouring values that share scales.
///
/// Each is named after `ggml`'s type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum BlockType {
    /// 4 bits around zero, a scale for 32 values.
    Q4_0,
    /// 4 bits, a scale and an offset for 32 values.
    Q4_1,
    /// 5 bits around zero, a scale for 32 values.
    Q5_0,
    /// 5 bits, a scale and an offset for 32 values.
    Q5_1,
    /// 8 bits, a scale for 32 values.
    Q8_0,
    /// 4 bits, a scale and an offset of 6 bits for 32 values, in blocks of 256.
    Q4K,
    /// 5 bits, a scale and an offset of 6 bits for 32 values, in blocks of 256.
    Q5K,
    /// 6 bits around zero, a scale of 8 bits for 16 values, in blocks of 256.
    Q6K,
}

impl BlockType {
    /// Every type.
    pub const ALL: [Self; 8] = [
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// Values of a block.
    #[must_use]
    pub fn values(self) -> usize {
        match self {
            Self::Q4K | Self::Q5K | Self::Q6K => 256,
            _ => 32,
        }
    }

    /// Bytes of a block.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Where the scales and offsets in f16 of a block begin; each takes two bytes.
    #[must_use]
    pub fn halves(self) -> &'static [usize] {
        match self {
            Self::Q4_0 | Self::Q5_0 | Self::Q8_0 => &[0],
            Self::Q4_1 | Self::Q5_1 | Self::Q4K | Self::Q5K => &[0, 2],
            Self::Q6K => &[208],
        }
    }
}
