//! The steps under Burn's autodiff, on any backend that has them, each with its own backward.
//!
//! A step keeps its inputs for the backward pass (no copies: tensors share their memory) and what attention says it
//! needs beside them. What the norm and the gate give is cheap to compute and is not kept: a step whose backward pass
//! reads it has it computed again from their inputs, which are there already (`again`).

mod again;
mod low_rank;

use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::{
    base::Checkpointer,
    strategy::{BalancedCheckpointing, CheckpointStrategy},
};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, QuantizedTensor};
use burn::backend::{Autodiff, Backend};

use self::again::{GateAgain, NormAgain};
use super::attention::{Attended, AttentionInputs, Kept};
use super::backend::Steps;
use crate::Dropout;

type Tracked<B, C> = FloatTensor<Autodiff<B, C>>;

impl<B: Steps, C: CheckpointStrategy> Steps for Autodiff<B, C> {
    fn rms_norm(x: Tracked<B, C>, scale: Tracked<B, C>, eps: f64) -> Tracked<B, C> {
        let nodes = [x.node(), scale.node()];
        let state = NormState::<B> {
            x: x.primitive().clone(),
            scale: scale.primitive().clone(),
            eps,
        };
        let again = NormAgain::<B> {
            x: x.id(),
            scale: state.scale.clone(),
            eps,
        };
        let out = B::rms_norm(state.x.clone(), state.scale.clone(), eps);
        let parents = if is_tracked::<B, C>(&scale) {
            vec![&x, &scale]
        } else {
            vec![&x]
        };
        let prepared = Norm.prepare::<BalancedCheckpointing>(nodes).memory_bound();
        match prepared.retro_forward(again).parents(parents).stateful() {
            OpsKind::Tracked(prep) => prep.finish(state, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn rotate(
        x: Tracked<B, C>,
        cos: Tracked<B, C>,
        sin: Tracked<B, C>,
        backward: bool,
    ) -> Tracked<B, C> {
        let (x, node) = x.into_parts();
        let (cos, sin) = (cos.into_primitive(), sin.into_primitive());
        let out = B::rotate(x, cos.clone(), sin.clone(), backward);
        match Rotary.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(RotaryState { cos, sin, backward }, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn swiglu(gate: Tracked<B, C>, up: Tracked<B, C>) -> Tracked<B, C> {
        let nodes = [gate.node(), up.node()];
        let again = GateAgain::<B> {
            gate: gate.id(),
            up: up.id(),
            backend: PhantomData,
        };
        let prepared = Gate.prepare::<BalancedCheckpointing>(nodes).memory_bound();
        let prepared = prepared.retro_forward(again).parents([&gate, &up]);
        let (gate, up) = (gate.into_primitive(), up.into_primitive());
        match prepared.stateful() {
            OpsKind::Tracked(prep) => {
                let out = B::swiglu(gate.clone(), up.clone());
                prep.finish(GateState { gate, up }, out)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::swiglu(gate, up)),
        }
    }

    fn attend(inputs: AttentionInputs<Self>) -> Attended<Self> {
        let AttentionInputs { q, k, v, visible } = inputs;
        let ((q, q_node), (k, k_node), (v, v_node)) =
            (q.into_parts(), k.into_parts(), v.into_parts());
        let inputs = AttentionInputs { q, k, v, visible };
        let Attended { out, kept } = B::attend(inputs.clone());
        let nodes = [q_node, k_node, v_node];
        let out = match Attention.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(AttentionState { inputs, kept }, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        };
        Attended {
            out,
            kept: Kept::Nothing,
        }
    }

    fn frozen_linear(x: Tracked<B, C>, weight: Tracked<B, C>) -> Tracked<B, C> {
        product::<B, C, _>(Linear, x, weight.into_primitive(), B::frozen_linear)
    }

    fn frozen_linear_gradient(x: Tracked<B, C>, weight: Tracked<B, C>) -> Tracked<B, C> {
        product::<B, C, _>(
            Linear,
            x,
            weight.into_primitive(),
            B::frozen_linear_gradient,
        )
    }

    fn low_rank(
        x: Tracked<B, C>,
        a: Tracked<B, C>,
        b: Tracked<B, C>,
        dropout: Option<Dropout>,
    ) -> Tracked<B, C> {
        low_rank::product::<B, C>(x, a, b, dropout)
    }

    fn quantized_linear(x: Tracked<B, C>, weight: QuantizedTensor<Self>) -> Tracked<B, C> {
        product::<B, C, _>(Quantized, x, weight, B::quantized_linear)
    }

    fn quantized_linear_gradient(x: Tracked<B, C>, weight: QuantizedTensor<Self>) -> Tracked<B, C> {
        product::<B, C, _>(Quantized, x, weight, B::quantized_linear_gradient)
    }
}

/// Whether a gradient of a tensor is wanted.
fn is_tracked<B: Steps, C: CheckpointStrategy>(tensor: &Tracked<B, C>) -> bool {
    let node = Rotary.prepare::<C>([tensor.node()]);
    let kind: OpsKind<_, B, _, _, 1> = node.compute_bound().stateful();
    matches!(kind, OpsKind::Tracked(_))
}

/// What `forward` makes of `x`, with the gradient of a product, for which autodiff keeps the weight alone.
fn product<B: Steps, C: CheckpointStrategy, P: Backward<B, 1>>(
    of: P,
    x: Tracked<B, C>,
    weight: P::State,
    forward: fn(FloatTensor<B>, P::State) -> FloatTensor<B>,
) -> Tracked<B, C> {
    let (x, node) = x.into_parts();
    let out = forward(x, weight.clone());
    match of.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(weight, out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    }
}

#[derive(Debug)]
struct Norm;

#[derive(Debug, Clone)]
struct NormState<B: Backend> {
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    eps: f64,
}

impl<B: Steps> Backward<B, 2> for Norm {
    type State = NormState<B>;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, scale_node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        let NormState { x, scale, eps } = ops.state;
        if let Some(node) = scale_node {
            let (dy, x, scale) = (dy.clone(), x.clone(), scale.clone());
            grads.register::<B>(node.id, B::rms_norm_backward_scale(dy, x, scale, eps));
        }
        if let Some(node) = x_node {
            grads.register::<B>(node.id, B::rms_norm_backward(dy, x, scale, eps));
        }
    }
}

#[derive(Debug)]
struct Rotary;

#[derive(Debug, Clone)]
struct RotaryState<B: Backend> {
    cos: FloatTensor<B>,
    sin: FloatTensor<B>,
    backward: bool,
}

impl<B: Steps> Backward<B, 1> for Rotary {
    type State = RotaryState<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        let RotaryState { cos, sin, backward } = ops.state;
        if let Some(node) = node {
            grads.register::<B>(node.id, B::rotate(dy, cos, sin, !backward));
        }
    }
}

#[derive(Debug)]
struct Gate;

#[derive(Debug, Clone)]
struct GateState<B: Backend> {
    gate: FloatTensor<B>,
    up: FloatTensor<B>,
}

impl<B: Steps> Backward<B, 2> for Gate {
    type State = GateState<B>;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let GateState { gate, up } = ops.state;
        let (dgate, dup) = B::swiglu_backward(dy, gate, up);
        for (node, gradient) in ops.parents.into_iter().zip([dgate, dup]) {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Attention;

#[derive(Debug, Clone)]
struct AttentionState<B: Backend> {
    inputs: AttentionInputs<B>,
    kept: Kept<B>,
}

impl<B: Steps> Backward<B, 3> for Attention {
    type State = AttentionState<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let AttentionState { inputs, kept } = ops.state;
        let (dq, dk, dv) = B::attend_backward(dy, inputs, kept);
        for (node, gradient) in ops.parents.into_iter().zip([dq, dk, dv]) {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Linear;

impl<B: Steps> Backward<B, 1> for Linear {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        if let Some(node) = node {
            grads.register::<B>(node.id, B::frozen_linear_backward(dy, ops.state));
        }
    }
}

#[derive(Debug)]
struct Quantized;

impl<B: Steps> Backward<B, 1> for Quantized {
    type State = QuantizedTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        if let Some(node) = node {
            grads.register::<B>(node.id, B::quantized_linear_backward(dy, ops.state));
        }
    }
}
