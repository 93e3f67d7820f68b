//! Projections kept in 8 or 4 bits: a scale for each block of neighbours in a row, symmetric, by Burn's
//! quantisation.
//!
//! Such a decoder computes, and an adapter is trained beside it (Dettmers et al., arXiv 2305.14314, without
//! their `NF4` values and double quantisation); its own projections cannot be trained.
//! Norms, embedding and head stay as they are.

use burn::module::{ModuleVisitor, Param};
use burn::tensor::quantization::{QuantScheme, QuantValue, ScaleDtype};
use burn::tensor::{DType, Tensor};

/// Values of a row that share a scale, where its length allows.
const BLOCK: usize = 32;

/// How many bits a weight of a projection is kept in.
///
/// On Burn's CPU backend both take a byte for each value, and on others 4 bits take half of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// -7 to 7 times the scale.
    Four,
    /// -127 to 127 times the scale.
    Eight,
}

impl Bits {
    /// The largest multiple of the scale.
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

    /// A weight `[in, out]` in so many bits: no value moves by more than half of its block's largest
    /// divided by [`Bits::steps`].
    pub(crate) fn pack(self, weight: Tensor<2>) -> Tensor<2> {
        let value = match self {
            Self::Four => QuantValue::Q4S,
            Self::Eight => QuantValue::Q8S,
        };
        // A block is at most 32 long.
        #[allow(clippy::cast_possible_truncation)]
        let block = self.block(weight.dims()[1]) as u8;
        let scheme = QuantScheme::default().with_value(value);
        weight.quantize_dynamic(&scheme.per_block([block], ScaleDtype::F32))
    }
}

/// Adds up the bytes of a module's tensors.
#[derive(Default)]
pub(crate) struct Bytes(pub(crate) usize);

impl ModuleVisitor for Bytes {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let values = tensor.shape().num_elements();
        self.0 += match tensor.dtype() {
            DType::QFloat(_) => values + 4 * values.div_ceil(BLOCK),
            dtype => values * dtype.size(),
        };
    }
}
