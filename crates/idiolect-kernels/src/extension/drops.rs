//! Dropout as an extension of Burn's backends, apart from the other steps, since an adapter's product is composed of it.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, backend_extension};

use super::composed::dropout;
use crate::Dropout;

/// Dropout, whose backward is dropout of the gradient.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cube"),
    Fusion: cfg(any(feature = "cube", feature = "remote")),
    Remote: cfg(feature = "remote"),
    Autodiff
)]
pub(crate) trait Drops: Backend {
    /// What dropout leaves of `x`, `[rows, tokens, channels]`, in the type of `x`.
    #[fusion(default)]
    fn dropped(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        dropout::dropped::<Self>(x, &dropout)
    }
}

impl<B: Drops, C: CheckpointStrategy> Drops for Autodiff<B, C> {
    fn dropped(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let out = B::dropped(x, dropout.clone());
        match Dropped.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(dropout, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }
}

#[derive(Debug)]
struct Dropped;

impl<B: Drops> Backward<B, 1> for Dropped {
    type State = Dropout;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        if let Some(node) = node {
            grads.register::<B>(node.id, B::dropped(dy, ops.state));
        }
    }
}
