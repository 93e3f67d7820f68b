//! Weights that stay in the blocks of a GGUF file.

use burn::tensor::{Device, Tensor};

use crate::BlockType;
#[cfg(feature = "flex")]
use crate::flex;

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
