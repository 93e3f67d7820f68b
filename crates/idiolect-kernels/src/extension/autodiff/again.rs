//! Outputs that are computed again in the backward pass where a step reads them, by the mechanism of Burn's gradient
//! checkpointing: whoever reads an output names its node, and it is computed once for all that do.

use std::marker::PhantomData;

use burn::backend::Backend;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::retro_forward::RetroForward;
use burn::backend::autodiff::checkpoint::state::BackwardStates;
use burn::backend::tensor::FloatTensor;

use crate::extension::backend::Steps;

/// The norm of an input that is kept.
#[derive(Debug)]
pub(super) struct NormAgain<B: Backend> {
    pub(super) x: NodeId,
    pub(super) scale: FloatTensor<B>,
    pub(super) eps: f64,
}

impl<B: Steps> RetroForward for NormAgain<B> {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let x = states.get_state::<FloatTensor<B>>(&self.x);
        states.save(out_node, B::rms_norm(x, self.scale.clone(), self.eps));
    }
}

/// The gated values of inputs that are kept.
#[derive(Debug)]
pub(super) struct GateAgain<B: Backend> {
    pub(super) gate: NodeId,
    pub(super) up: NodeId,
    pub(super) backend: PhantomData<B>,
}

impl<B: Steps> RetroForward for GateAgain<B> {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let gate = states.get_state::<FloatTensor<B>>(&self.gate);
        let up = states.get_state::<FloatTensor<B>>(&self.up);
        states.save(out_node, B::swiglu(gate, up));
    }
}
