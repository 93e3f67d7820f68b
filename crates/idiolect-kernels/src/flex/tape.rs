//! The fused steps under Burn's autodiff, each with its own way back.
//!
//! What a step keeps is its inputs (no copies: tensors share their memory) and, for attention, two
//! numbers for each row of scores.

use burn::backend::Autodiff;
use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn_flex::{FlexQTensor, FlexTensor};

use super::buffer::{dense, dims, is_swapped};
use super::rotary::{Turn, turn};
use super::tile::Inputs;
use super::{Mask, Steps, attention, attention_back, gate, norm, product};

type Taped<C> = FloatTensor<Autodiff<Flex, C>>;

impl<C: CheckpointStrategy> Steps for Autodiff<Flex, C> {
    fn rms_norm(x: Taped<C>, scale: Taped<C>, eps: f32) -> Taped<C> {
        let ((x, x_node), (scale, scale_node)) = (x.into_parts(), scale.into_parts());
        match Norm
            .prepare::<C>([x_node, scale_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let x = dense(x);
                let out = norm::forward(&x, &scale, eps);
                prep.finish((x, scale, eps), out)
            }
            OpsKind::UnTracked(prep) => prep.finish(norm::forward(&x, &scale, eps)),
        }
    }

    fn rotate(x: Taped<C>, cos: Taped<C>, sin: Taped<C>) -> Taped<C> {
        let (x, node) = x.into_parts();
        let (cos, sin) = (cos.into_primitive(), sin.into_primitive());
        let by_token = is_swapped(&x);
        let out = turn(
            x,
            &cos,
            &sin,
            Turn {
                sign: 1.0,
                by_token,
            },
        );
        match Rotary.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((cos, sin, by_token), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn swiglu(gate: Taped<C>, up: Taped<C>) -> Taped<C> {
        let ((gate, gate_node), (up, up_node)) = (gate.into_parts(), up.into_parts());
        let out = gate::forward(&gate, &up);
        match Gate
            .prepare::<C>([gate_node, up_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish((gate, up), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn attention(q: Taped<C>, k: Taped<C>, v: Taped<C>, mask: Mask<Self>) -> Taped<C> {
        let ((q, q_node), (k, k_node), (v, v_node)) =
            (q.into_parts(), k.into_parts(), v.into_parts());
        let inputs = Inputs::new([q, k, v], mask.map(Taped::<C>::into_primitive));
        let (out, sums) = attention::forward(&inputs);
        match Attention
            .prepare::<C>([q_node, k_node, v_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish((inputs, sums), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn packed_linear(x: Taped<C>, weight: FlexQTensor) -> Taped<C> {
        let (x, node) = x.into_parts();
        let out = product::packed_forward(x, &weight);
        match Packed.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(weight, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }
}

#[derive(Debug)]
struct Norm;

impl Backward<Flex, 2> for Norm {
    type State = (FlexTensor, FlexTensor, f32);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, scale_node] = ops.parents;
        let dy = grads.consume::<Flex>(&ops.node);
        let (x, scale, eps) = ops.state;
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

impl Backward<Flex, 1> for Rotary {
    type State = (FlexTensor, FlexTensor, bool);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<Flex>(&ops.node);
        let (cos, sin, by_token) = ops.state;
        if let Some(node) = node {
            let dx = turn(
                dy,
                &cos,
                &sin,
                Turn {
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

impl Backward<Flex, 2> for Gate {
    type State = (FlexTensor, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let (gate, up) = ops.state;
        let slopes = gate::backward(dy, gate, &up);
        for (node, slope) in ops.parents.into_iter().zip(slopes) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, slope);
            }
        }
    }
}

#[derive(Debug)]
struct Attention;

impl Backward<Flex, 3> for Attention {
    type State = (Inputs, Vec<f32>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let (inputs, sums) = ops.state;
        let slopes = attention_back::backward(&inputs, &sums, dy);
        for (node, slope) in ops.parents.into_iter().zip(slopes) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, slope);
            }
        }
    }
}

#[derive(Debug)]
struct Packed;

impl Backward<Flex, 1> for Packed {
    type State = FlexQTensor;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<Flex>(&ops.node);
        if let Some(node) = node {
            grads.register::<Flex>(node.id, product::packed_backward(dy, &ops.state));
        }
    }
}
