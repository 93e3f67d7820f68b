//! The head in generation: beside quantised projections each pass reads a copy of it in 8 bits
//! (docs/decisions/0011-packed-base.md).
//!
//! Whatever is trained or scored uses the head itself.

use std::sync::OnceLock;

use burn::module::{Param, ParamId};
use burn::tensor::{DType, Tensor};
use idiolect_kernels::PackedWeight;

use super::Decoder;

/// A copy of the head, made when it is first needed.
#[derive(Debug, Clone, Default)]
pub(super) struct HeadCopy(OnceLock<Option<Copied>>);

/// A copy and the weight that it was made of: a head that was replaced has another id.
#[derive(Debug, Clone)]
struct Copied {
    of: ParamId,
    weight: PackedWeight,
}

impl Decoder {
    /// [`Decoder::logits`] of tokens that are generated.
    ///
    /// # Shapes
    ///
    /// - `hidden`: `[positions, hidden]`
    /// - result: `[positions, vocab]`, in f32
    pub(crate) fn generated_logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        let copy = self.head_copy();
        let logits = copy.and_then(|copy| copy.product(&hidden));
        logits.unwrap_or_else(|| self.logits(hidden))
    }

    /// The copy of the head, where projections are quantised and the device reads one.
    fn head_copy(&self) -> Option<&PackedWeight> {
        let first = self.weights.blocks.first()?.projections.first()?;
        if !matches!(first.dtype(), DType::QFloat(_)) {
            return None;
        }
        let made = self.head_copy.0.get_or_init(|| {
            let weight = PackedWeight::new(&self.head())?;
            let of = self.head_param().id;
            Some(Copied { of, weight })
        });
        let made = made.as_ref()?;
        (made.of == self.head_param().id).then_some(&made.weight)
    }

    fn head_param(&self) -> &Param<Tensor<2>> {
        let weights = &self.weights;
        weights.head.as_ref().unwrap_or(&weights.embedding)
    }
}
