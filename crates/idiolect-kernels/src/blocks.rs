//! Weights in the blocks of GGUF files, as `ggml` lays them out (`ggml-common.h`).

use burn::tensor::{Device, Tensor};

#[cfg(feature = "flex")]
use crate::flex;

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

/// Whether weights can stay in the blocks of their file on a device: on Burn's CPU backend.
#[must_use]
pub fn keeps_blocks(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    return flex::is_own(device);
    #[cfg(not(feature = "flex"))]
    {
        let _ = device;
        false
    }
}

/// A weight that stays in the blocks of its file on Burn's CPU backend, for [`crate::product`], [`crate::linear`] and
/// [`crate::dequantize`]. Its values are those of its type in f32, to the bit.
///
/// `None` in a build without that backend, and for bytes that are not those of the rows. What [`BlockType::halves`]
/// names must be finite.
///
/// # Shapes
///
/// - `bytes`: `outputs` rows of `inputs` values, in whole blocks
/// - result: `[inputs, outputs]`
#[must_use]
pub fn from_blocks(
    bytes: Vec<u8>,
    of: BlockType,
    [outputs, inputs]: [usize; 2],
) -> Option<Tensor<2>> {
    let whole = inputs.is_multiple_of(of.values());
    let expected = inputs / of.values() * of.bytes() * outputs;
    if !whole || bytes.len() != expected {
        return None;
    }
    #[cfg(feature = "flex")]
    return Some(flex::from_blocks(bytes, of, [inputs, outputs]));
    #[cfg(not(feature = "flex"))]
    None
}

/// The type of the blocks that [`from_blocks`] keeps a weight in; `None` for another tensor.
#[must_use]
pub fn block_type<const D: usize>(weight: &Tensor<D>) -> Option<BlockType> {
    #[cfg(feature = "flex")]
    return flex::block_type(weight);
    #[cfg(not(feature = "flex"))]
    {
        let _ = weight;
        None
    }
}
