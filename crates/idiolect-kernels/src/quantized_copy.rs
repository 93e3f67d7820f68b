//! A copy of a weight in 8 bits, which products of few rows read instead of the weight.
//!
//! It is no tensor: it has no gradient, and cloning it copies nothing.

use burn::tensor::Tensor;

#[cfg(feature = "flex")]
use crate::flex::EightBitCopy;

/// Without fused steps there is no copy.
#[cfg(not(feature = "flex"))]
#[derive(Debug, Clone)]
enum EightBitCopy {}

#[cfg(not(feature = "flex"))]
impl EightBitCopy {
    fn new(_: &Tensor<2>) -> Option<Self> {
        None
    }

    fn product(&self, _: &Tensor<2>) -> Option<Tensor<2>> {
        match *self {}
    }
}

/// A weight as whole numbers of -127 to 127, 32 neighbours in memory to a scale in f32.
#[derive(Debug, Clone)]
pub struct QuantizedCopy {
    copy: EightBitCopy,
}

impl QuantizedCopy {
    /// A copy of `weight`, in which no value differs by more than a 254th of the largest of its 32 neighbours.
    ///
    /// `None` where no fused step reads one: off Burn's CPU backend, in a type other than f32, and where rows in
    /// memory are not whole numbers of 32.
    ///
    /// # Shapes
    ///
    /// - `weight`: `[inputs, outputs]`, whichever of them are neighbours in memory
    #[must_use]
    pub fn new(weight: &Tensor<2>) -> Option<Self> {
        EightBitCopy::new(weight).map(|copy| Self { copy })
    }

    /// `x weight`; `None` where autodiff tracks `x`.
    ///
    /// A row's result does not depend on the others, and no result on the number of threads.
    ///
    /// # Shapes
    ///
    /// - `x`: `[rows, inputs]`, few rows
    /// - result: `[rows, outputs]`
    ///
    /// # Panics
    ///
    /// If the shapes disagree.
    #[must_use]
    pub fn product(&self, x: &Tensor<2>) -> Option<Tensor<2>> {
        self.copy.product(x)
    }
}
