//! The head in generation: beside quantised projections each pass reads a copy of one in floats in 8 bits
//! (docs/decisions/0011-packed-base.md).
//!
//! Whatever is trained or scored uses the head itself.

use std::sync::OnceLock;

use burn::module::{Param, ParamId};
use burn::tensor::Tensor;
use idiolect_kernels::QuantizedCopy;

/// A copy of the head, made when it is first needed.
#[derive(Debug, Clone, Default)]
pub(super) struct HeadCopy(OnceLock<Option<Copied>>);

/// A copy and the weight that it was made of: a head that was replaced has another id.
#[derive(Debug, Clone)]
struct Copied {
    of: ParamId,
    weight: QuantizedCopy,
}

impl HeadCopy {
    /// The copy of a head, made of `[hidden, vocab]` at the first call; none where the device reads none, and where
    /// the head has been replaced since.
    pub(super) fn of(
        &self,
        param: &Param<Tensor<2>>,
        head: impl FnOnce() -> Tensor<2>,
    ) -> Option<&QuantizedCopy> {
        let made = self.0.get_or_init(|| {
            let weight = QuantizedCopy::new(&head())?;
            Some(Copied {
                of: param.id,
                weight,
            })
        });
        let made = made.as_ref()?;
        (made.of == param.id).then_some(&made.weight)
    }
}
