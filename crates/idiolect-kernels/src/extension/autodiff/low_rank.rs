//! The product with two narrow factors under autodiff, which keeps `u = x A` and no copy of `x`.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};

use crate::Dropout;
use crate::extension::backend::Steps;
use crate::extension::composed::{dims, low_rank};

type Tracked<B, C> = FloatTensor<Autodiff<B, C>>;

/// `x A B`, as [`Steps::low_rank`].
pub(super) fn product<B: Steps, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    a: Tracked<B, C>,
    b: Tracked<B, C>,
    dropout: Option<Dropout>,
) -> Tracked<B, C> {
    let nodes = [x.node(), a.node(), b.node()];
    let (a, b) = (a.into_primitive(), b.into_primitive());
    let [rows, tokens, _] = dims(x.primitive());
    let u = low_rank::down::<B>(x.primitive().clone(), a.clone(), dropout.as_ref());
    let out = low_rank::up::<B>(u.clone(), b.clone(), [rows, tokens]);
    match LowRank.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = LowRankState {
                x: prep.checkpoint(&x),
                kept: low_rank::Inputs { u, a, b, dropout },
            };
            prep.finish(state, out)
        }
        OpsKind::UnTracked(prep) => prep.finish(out),
    }
}

#[derive(Debug)]
struct LowRank;

#[derive(Debug, Clone)]
struct LowRankState<B: Backend> {
    /// The input's node.
    x: NodeId,
    kept: low_rank::Inputs<B>,
}

impl<B: Steps> Backward<B, 3> for LowRank {
    type State = LowRankState<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, kept: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let [x_node, a_node, b_node] = ops.parents;
        let x = kept.retrieve_node_output(ops.state.x);
        let (dx, [da, db]) = low_rank::backward::<B>(dy, x, ops.state.kept, x_node.is_some());
        let gradients = [(x_node, dx), (a_node, Some(da)), (b_node, Some(db))];
        for (node, gradient) in gradients {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}
