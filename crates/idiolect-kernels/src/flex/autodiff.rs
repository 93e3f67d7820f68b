//! The fused steps under Burn's autodiff, each with its own backward.
//!
//! A step keeps its inputs for the backward pass (no copies: tensors share their memory) and, for attention, two
//! numbers for each row of scores.

use burn::backend::Autodiff;
use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn_flex::{FlexQTensor, FlexTensor};

use super::attention::{Attended, Inputs};
use super::backend::{Mask, Steps};
use super::buffer::{dense, dims, is_swapped};
use super::rotary::{Rotation, rotate};
use super::{attention, gate, linear, norm, quantized};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

impl<C: CheckpointStrategy> Steps for Autodiff<Flex, C> {
    fn rms_norm(x: Tracked<C>, scale: Tracked<C>, eps: f32) -> Tracked<C> {
        let ((x, x_node), (scale, scale_node)) = (x.into_parts(), scale.into_parts());
        match Norm
            .prepare::<C>([x_node, scale_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let x = dense(x);
                let out = norm::forward(&x, &scale, eps);
                prep.finish(NormState { x, scale, eps }, out)
            }
            OpsKind::UnTracked(prep) => prep.finish(norm::forward(&x, &scale, eps)),
        }
    }

    fn rotate(x: Tracked<C>, cos: Tracked<C>, sin: Tracked<C>) -> Tracked<C> {
        let (x, node) = x.into_parts();
        let (cos, sin) = (cos.into_primitive(), sin.into_primitive());
        let by_token = is_swapped(&x);
        let out = rotate(
            x,
            &cos,
            &sin,
            Rotation {
                sign: 1.0,
                by_token,
            },
        );
        match Rotary.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(RotaryState { cos, sin, by_token }, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn swiglu(gate: Tracked<C>, up: Tracked<C>) -> Tracked<C> {
        let ((gate, gate_node), (up, up_node)) = (gate.into_parts(), up.into_parts());
        let out = gate::forward(&gate, &up);
        match Gate
            .prepare::<C>([gate_node, up_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(GateState { gate, up }, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn attention(q: Tracked<C>, k: Tracked<C>, v: Tracked<C>, mask: Mask<Self>) -> Tracked<C> {
        let ((q, q_node), (k, k_node), (v, v_node)) =
            (q.into_parts(), k.into_parts(), v.into_parts());
        let inputs = Inputs::new([q, k, v], mask.map(Tracked::<C>::into_primitive));
        let Attended { out, sums } = attention::forward(&inputs);
        match Attention
            .prepare::<C>([q_node, k_node, v_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(AttentionState { inputs, sums }, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn linear(x: Tracked<C>, weight: Tracked<C>) -> Tracked<C> {
        let ((x, node), weight) = (x.into_parts(), weight.into_primitive());
        let out = linear::forward(x, weight.clone());
        match Linear.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(weight, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn quantized_linear(x: Tracked<C>, weight: FlexQTensor) -> Tracked<C> {
        let (x, node) = x.into_parts();
        let out = quantized::forward(x, &weight);
        match Quantized.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(weight, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }
}

#[derive(Debug)]
struct Norm;

#[derive(Debug, Clone)]
struct NormState {
    x: FlexTensor,
    scale: FlexTensor,
    eps: f32,
}

impl Backward<Flex, 2> for Norm {
    type State = NormState;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, scale_node] = ops.parents;
        let dy = grads.consume::<Flex>(&ops.node);
        let NormState { x, scale, eps } = ops.state;
        if let Some(node) = scale_node {
            let [width] = dims::<1>(&scale);
            grads.register::<Flex>(node.id, norm::backward_scale(&dy, &x, width, eps));
        }
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, norm::backward(dy, &x, &scale, eps));
        }
    }
}

#[derive(Debug)]
struct Rotary;

#[derive(Debug, Clone)]
struct RotaryState {
    cos: FlexTensor,
    sin: FlexTensor,
    by_token: bool,
}

impl Backward<Flex, 1> for Rotary {
    type State = RotaryState;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<Flex>(&ops.node);
        let RotaryState { cos, sin, by_token } = ops.state;
        if let Some(node) = node {
            let dx = rotate(
                dy,
                &cos,
                &sin,
                Rotation {
                    sign: -1.0,
                    by_token,
                },
            );
            grads.register::<Flex>(node.id, dx);
        }
    }
}

#[derive(Debug)]
struct Gate;

#[derive(Debug, Clone)]
struct GateState {
    gate: FlexTensor,
    up: FlexTensor,
}

impl Backward<Flex, 2> for Gate {
    type State = GateState;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let GateState { gate, up } = ops.state;
        let gradients = gate::backward(dy, gate, &up);
        for (node, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Attention;

#[derive(Debug, Clone)]
struct AttentionState {
    inputs: Inputs,
    sums: Vec<f32>,
}

impl Backward<Flex, 3> for Attention {
    type State = AttentionState;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let AttentionState { inputs, sums } = ops.state;
        let gradients = attention::backward(&inputs, &sums, dy);
        for (node, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Linear;

impl Backward<Flex, 1> for Linear {
    type State = FlexTensor;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<Flex>(&ops.node);
        if let Some(node) = node {
            grads.register::<Flex>(node.id, linear::backward(dy, &ops.state));
        }
    }
}

#[derive(Debug)]
struct Quantized;

impl Backward<Flex, 1> for Quantized {
    type State = FlexQTensor;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<Flex>(&ops.node);
        if let Some(node) = node {
            grads.register::<Flex>(node.id, quantized::backward(dy, &ops.state));
        }
    }
}
