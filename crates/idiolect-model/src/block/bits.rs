//! How a projection is quantised.

use burn::tensor::Tensor;
use burn::tensor::quantization::{QuantScheme, QuantValue, ScaleDtype};
use idiolect_kernels::quantize;

/// Values of a row that share a scale, where its length allows.
pub(super) const BLOCK: usize = 32;

/// Bits of a quantised value of a projection.
///
/// A value takes a byte, or half a byte with 4 bits; on the CPU these take a byte too in rows that are not whole
/// numbers of 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// -7 to 7 times the scale.
    Four,
    /// -127 to 127 times the scale.
    Eight,
}

impl Bits {
    /// The largest multiple of the scale that a value can have.
    #[must_use]
    pub fn steps(self) -> u8 {
        match self {
            Self::Four => 7,
            Self::Eight => 127,
        }
    }

    /// Values of a row of `width` that share a scale: the largest power of two that divides the row, at
    /// most 32.
    #[must_use]
    pub fn block(self, width: usize) -> usize {
        1 << width.trailing_zeros().min(BLOCK.trailing_zeros())
    }

    /// A weight `[in, out]`, quantised: no value changes by more than half of its block's largest divided by
    /// [`Bits::steps`].
    pub(crate) fn quantize(self, weight: Tensor<2>) -> Tensor<2> {
        let value = match self {
            Self::Four => QuantValue::Q4S,
            Self::Eight => QuantValue::Q8S,
        };
        // A block is at most 32 long.
        #[allow(clippy::cast_possible_truncation)]
        let block = self.block(weight.dims()[1]) as u8;
        let scheme = QuantScheme::default().with_value(value);
        quantize(weight, &scheme.per_block([block], ScaleDtype::F32))
    }
}
