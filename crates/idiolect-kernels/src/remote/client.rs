//! The steps as those of Burn's remote backend: each a message, answered by [`super::host`].
//!
//! With Burn's fusion around this backend, steps are parts of the graphs that it sends; it calls each by the name of its
//! method, and so is it called here.

use burn::backend::TensorMetadata;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{DType, Shape};
use burn_remote::RemoteChannel;
use burn_remote::ir::{CustomOpIr, OperationIr, ScalarIr, TensorIr};
use burn_router::{BackendRouter, RouterChannel, RouterClient, RouterTensor};

use super::steps::{HostLosses, HostSteps};
use super::{about, names};
use crate::extension::attention::{Attended, AttentionInputs, Kept};
use crate::extension::backend::Steps;
use crate::extension::composed::dims;
use crate::extension::drops::Drops;
use crate::extension::place::Place;
use crate::extension::scores::Scores;

/// Burn's remote backend, without its fusion.
type Router = BackendRouter<RemoteChannel>;
/// A tensor of another process.
type Handle = RouterTensor<<RemoteChannel as RouterChannel>::Client>;

/// Asks for a step; its results have these shapes and types.
fn ask<const N: usize, const M: usize>(
    step: &'static str,
    inputs: [Handle; N],
    scalars: Vec<ScalarIr>,
    outputs: [(Shape, DType); M],
) -> [Handle; M] {
    let client = inputs[0].client.clone();
    let results = outputs.map(|(shape, dtype)| {
        RouterTensor::new(client.create_empty_handle(), shape, dtype, client.clone())
    });
    let inputs = inputs.map(RouterTensor::into_ir);
    let outputs = results
        .each_ref()
        .map(|result| TensorIr::uninit(result.id(), result.shape(), result.dtype()));
    client.register_op(OperationIr::Custom(CustomOpIr::with_scalars(
        step, &inputs, &outputs, scalars,
    )));
    results
}

/// The shape and the type of a tensor.
fn like(x: &Handle) -> (Shape, DType) {
    (x.shape(), x.dtype())
}

/// `x`'s shape with another last axis, in its type.
fn of_width(x: &Handle, width: usize) -> (Shape, DType) {
    let [rows, tokens, _] = dims(x);
    (Shape::new([rows, tokens, width]), x.dtype())
}

impl Steps for Router {
    fn rms_norm(x: Handle, scale: Handle, eps: f64) -> Handle {
        let out = [like(&x)];
        let [out] = ask(names::RMS_NORM, [x, scale], vec![ScalarIr::Float(eps)], out);
        out
    }

    fn rms_norm_backward(dy: Handle, x: Handle, scale: Handle, eps: f64) -> Handle {
        let (out, eps) = ([like(&x)], vec![ScalarIr::Float(eps)]);
        let [out] = ask(names::RMS_NORM_BACKWARD, [dy, x, scale], eps, out);
        out
    }

    fn rotate(x: Handle, cos: Handle, sin: Handle, backward: bool) -> Handle {
        let (out, backward) = ([like(&x)], vec![ScalarIr::Bool(backward)]);
        let [out] = ask(names::ROTATE, [x, cos, sin], backward, out);
        out
    }

    fn swiglu_whole(gate: Handle, up: Handle) -> Handle {
        let out = [like(&gate)];
        let [out] = ask(names::SWIGLU, [gate, up], Vec::new(), out);
        out
    }

    fn swiglu_backward_whole(dy: Handle, gate: Handle, up: Handle) -> (Handle, Handle) {
        let out = [like(&gate), like(&up)];
        ask(names::SWIGLU_BACKWARD, [dy, gate, up], Vec::new(), out).into()
    }

    fn attend(inputs: AttentionInputs<Self>) -> Attended<Self> {
        let AttentionInputs { q, k, v, visible } = inputs;
        let out = [like(&q)];
        let [out] = ask(names::ATTEND, [q, k, v, visible], Vec::new(), out);
        Attended {
            out,
            kept: Kept::Nothing,
        }
    }

    fn attend_backward(
        dy: Handle,
        inputs: AttentionInputs<Self>,
        _: Kept<Self>,
    ) -> (Handle, Handle, Handle) {
        let AttentionInputs { q, k, v, visible } = inputs;
        let (out, inputs) = ([like(&q), like(&k), like(&v)], [dy, q, k, v, visible]);
        ask(names::ATTEND_BACKWARD, inputs, Vec::new(), out).into()
    }

    fn frozen_linear_whole(x: Handle, weight: Handle) -> Handle {
        let [_, outputs] = dims(&weight);
        let out = [of_width(&x, outputs)];
        let [out] = ask(names::FROZEN_LINEAR, [x, weight], Vec::new(), out);
        out
    }

    fn frozen_linear_backward_whole(dy: Handle, weight: Handle) -> Handle {
        let [inputs, _] = dims(&weight);
        let out = [of_width(&dy, inputs)];
        let [out] = ask(names::FROZEN_LINEAR_BACKWARD, [dy, weight], Vec::new(), out);
        out
    }
}

impl Place for Router {
    const IS_REMOTE: bool = true;
}

impl Drops for Router {}

impl Scores for Router {
    fn softmax_rows(
        scores: FloatTensor<Self>,
        visible: IntTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self> {
        let (out, scale) = ([like(&scores)], vec![ScalarIr::Float(scale)]);
        let [out] = ask(names::SOFTMAX_ROWS, [scores, visible], scale, out);
        out
    }

    fn softmax_rows_backward(p: Handle, dp: Handle, scale: f64) -> Handle {
        let (out, scale) = ([like(&p)], vec![ScalarIr::Float(scale)]);
        let [out] = ask(names::SOFTMAX_ROWS_BACKWARD, [p, dp], scale, out);
        out
    }
}

impl HostSteps for Router {
    fn about_host(asked: IntTensor<Self>) -> IntTensor<Self> {
        let out = [(Shape::new([about::FIELDS]), DType::I32)];
        let [out] = ask(names::ABOUT, [asked], Vec::new(), out);
        out
    }

    fn host_losses(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        scale: f64,
    ) -> HostLosses<Self> {
        let (rows, wide) = (targets.shape(), (logits.shape(), DType::F32));
        let (out, scale) = ([(rows, DType::F32), wide], vec![ScalarIr::Float(scale)]);
        let [nll, gradient] = ask(names::LOSSES, [logits, targets], scale, out);
        HostLosses { nll, gradient }
    }

    fn host_losses_alone(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self> {
        let out = [(targets.shape(), DType::F32)];
        let [nll] = ask(names::LOSSES_ALONE, [logits, targets], Vec::new(), out);
        nll
    }
}
