//! The gated unit `silu(gate) * up`, and its backward, each in one pass over memory.
//!
//! With `s = sigmoid(gate)`: `dup = dy gate s` and `dgate = dy up s (1 + gate (1 - s))`.

use burn_flex::FlexTensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::buffer::parts::Step;
use super::buffer::{dense, dims, tensor, values};
use super::simd::{TASK, combine, sigmoid, update};

pub(super) fn forward(gate: &FlexTensor, up: &FlexTensor) -> FlexTensor {
    let (gate, up) = (dense(gate.clone()), dense(up.clone()));
    let mut out = vec![0.0; values(&gate).len()];
    let parts = values(&gate)
        .par_chunks(TASK)
        .zip(values(&up).par_chunks(TASK));
    out.par_chunks_mut(TASK)
        .zip(parts)
        .for_each(|(out, (gate, up))| {
            Arch::new().dispatch(Forward { out, gate, up });
        });
    tensor(out, dims::<3>(&gate))
}

/// [`forward`] in the memory of `gate` where nothing else owns it.
pub(super) fn forward_in_place(gate: FlexTensor, up: &FlexTensor) -> FlexTensor {
    let mut gate = dense(gate);
    if !gate.is_unique() {
        return forward(&gate, up);
    }
    let up = dense(up.clone());
    let parts = gate
        .storage_mut::<f32>()
        .par_chunks_mut(TASK)
        .zip(values(&up).par_chunks(TASK));
    parts.for_each(|(gate, up)| Arch::new().dispatch(InPlace { gate, up }));
    gate
}

/// Gradients of `gate` and `up`, in the memory of `gate` and `dy` where nothing else owns it.
pub(super) fn backward(
    dy: FlexTensor,
    gate: FlexTensor,
    up: &FlexTensor,
) -> (FlexTensor, FlexTensor) {
    let (mut dy, mut gate, up) = (dense(dy), dense(gate), dense(up.clone()));
    let parts = gate
        .storage_mut::<f32>()
        .par_chunks_mut(TASK)
        .zip(values(&up).par_chunks(TASK));
    dy.storage_mut::<f32>()
        .par_chunks_mut(TASK)
        .zip(parts)
        .for_each(|(dy, (gate, up))| {
            Arch::new().dispatch(Backward { dy, gate, up });
        });
    (gate, dy)
}

/// [`forward_in_place`] in bf16.
pub(super) fn forward_in_bf16(gate: FlexTensor, up: FlexTensor) -> FlexTensor {
    let step = Step {
        written: [gate],
        read: [up],
        row: 1,
    };
    let [out] = step.run(|[gate], [up]| Arch::new().dispatch(InPlace { gate, up }));
    out
}

/// [`backward`] in bf16.
pub(super) fn backward_in_bf16(
    dy: FlexTensor,
    gate: FlexTensor,
    up: FlexTensor,
) -> (FlexTensor, FlexTensor) {
    let step = Step {
        written: [gate, dy],
        read: [up],
        row: 1,
    };
    let gradients = step.run(|[gate, dy], [up]| Arch::new().dispatch(Backward { dy, gate, up }));
    gradients.into()
}

struct Forward<'a> {
    out: &'a mut [f32],
    gate: &'a [f32],
    up: &'a [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let pair = [self.gate, self.up];
        combine(
            simd,
            self.out,
            pair,
            #[inline(always)]
            |gate, up| gated(simd, gate, up),
        );
    }
}

struct InPlace<'a> {
    gate: &'a mut [f32],
    up: &'a [f32],
}

impl WithSimd for InPlace<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        update(
            simd,
            self.gate,
            self.up,
            #[inline(always)]
            |gate, up| gated(simd, gate, up),
        );
    }
}

struct Backward<'a> {
    dy: &'a mut [f32],
    gate: &'a mut [f32],
    up: &'a [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (dys, dy_tail) = S::as_mut_simd_f32s(self.dy);
        let (gates, gate_tail) = S::as_mut_simd_f32s(self.gate);
        let (ups, up_tail) = S::as_simd_f32s(self.up);
        for ((dy, gate), up) in dys.iter_mut().zip(gates).zip(ups) {
            [*gate, *dy] = gradients(simd, *dy, *gate, *up);
        }
        if !dy_tail.is_empty() {
            let load = |tail| simd.partial_load_f32s(tail);
            let [dgate, dup] = gradients(simd, load(dy_tail), load(gate_tail), load(up_tail));
            simd.partial_store_f32s(gate_tail, dgate);
            simd.partial_store_f32s(dy_tail, dup);
        }
    }
}

#[inline(always)]
fn gated<S: Simd>(simd: S, gate: S::f32s, up: S::f32s) -> S::f32s {
    simd.mul_f32s(simd.mul_f32s(gate, sigmoid(simd, gate)), up)
}

/// `[dgate, dup]`.
#[inline(always)]
fn gradients<S: Simd>(simd: S, dy: S::f32s, gate: S::f32s, up: S::f32s) -> [S::f32s; 2] {
    let one = simd.splat_f32s(1.0);
    let s = sigmoid(simd, gate);
    let kept = simd.mul_f32s(gate, simd.sub_f32s(one, s));
    let dy_s = simd.mul_f32s(dy, s);
    let dgate = simd.mul_f32s(simd.mul_f32s(dy_s, up), simd.add_f32s(one, kept));
    [dgate, simd.mul_f32s(dy_s, gate)]
}
