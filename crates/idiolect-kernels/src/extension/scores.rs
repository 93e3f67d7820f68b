//! The softmax of attention scores as an extension of Burn's backends, apart from the other steps, since attention is
//! composed of it.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, backend_extension};

use super::composed::softmax;

/// Softmax of scores, which autodiff does not track.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cube"),
    Fusion: cfg(any(feature = "cube", feature = "remote")),
    Remote: cfg(feature = "remote"),
    Autodiff
)]
pub(crate) trait Scores: Backend {
    /// `softmax(scale scores)` over the keys that a query sees; the others get 0.
    ///
    /// `scores` are `[rows, heads, queries, keys]`, `visible` is `[rows or 1, queries, 2]`.
    #[fusion(dtype = scores, shape = scores)]
    fn softmax_rows(
        scores: FloatTensor<Self>,
        visible: IntTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self> {
        softmax::forward::<Self>(scores, visible, scale)
    }
    /// The gradient of the scores, from the softmax `p` and its gradient `dp`.
    #[fusion(dtype = p, shape = p)]
    fn softmax_rows_backward(
        p: FloatTensor<Self>,
        dp: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self> {
        softmax::backward::<Self>(p, dp, scale)
    }
}

#[cfg(feature = "flex")]
impl Scores for burn::backend::Flex {}

impl<B: Scores, C: CheckpointStrategy> Scores for Autodiff<B, C> {}
