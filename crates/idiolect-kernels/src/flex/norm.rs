//! Root-mean-square norm: one pass over a row for its statistics, one for the result.
//!
//! With `i = 1 / sqrt(mean(x^2) + eps)` and `h = dy * scale`: `dx = i (h - x i^2 mean(x h))` and
//! `dscale = sum over rows of dy x i`.

use burn::tensor::DType;
use burn_flex::FlexTensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::buffer::parts::Step;
use super::buffer::{dense, dims, in_type, tensor, values};
use super::simd::bf16::rounded;
use super::simd::{TASK, combine, sum, update};

pub(super) fn forward(x: &FlexTensor, scale: &FlexTensor, eps: f32) -> FlexTensor {
    let (x, scale) = (dense(x.clone()), dense(scale.clone()));
    let scale = values(&scale);
    let mut out = vec![0.0; values(&x).len()];
    let task = rows_of_task(scale.len());
    out.par_chunks_mut(task)
        .zip(values(&x).par_chunks(task))
        .for_each(|(out, x)| {
            Arch::new().dispatch(Forward { out, x, scale, eps });
        });
    tensor(out, dims::<3>(&x))
}

/// Gradient of `x`, in the memory of `dy` where nothing else owns it.
pub(super) fn backward(dy: FlexTensor, x: FlexTensor, scale: &FlexTensor, eps: f32) -> FlexTensor {
    let (mut dy, x) = (dense(dy), dense(x));
    let scale = dense(scale.clone());
    let scale = values(&scale);
    let task = rows_of_task(scale.len());
    dy.storage_mut::<f32>()
        .par_chunks_mut(task)
        .zip(values(&x).par_chunks(task))
        .for_each(|(dy, x)| Arch::new().dispatch(Backward { dy, x, scale, eps }));
    dy
}

/// [`forward`] in bf16, where the norm is rounded before it is scaled, as Hugging Face's models do.
pub(super) fn forward_in_bf16(x: FlexTensor, scale: &FlexTensor, eps: f32) -> FlexTensor {
    let scale = in_type(dense(scale.clone()), DType::F32);
    let scale = values(&scale);
    let step = Step {
        written: [x],
        read: [],
        row: scale.len(),
    };
    let [out] = step.run(|[x], []| Arch::new().dispatch(ForwardInBf16 { x, scale, eps }));
    out
}

/// [`backward`] in bf16.
pub(super) fn backward_in_bf16(
    dy: FlexTensor,
    x: FlexTensor,
    scale: &FlexTensor,
    eps: f32,
) -> FlexTensor {
    let scale = in_type(dense(scale.clone()), DType::F32);
    let scale = values(&scale);
    let step = Step {
        written: [dy],
        read: [x],
        row: scale.len(),
    };
    let [dx] = step.run(|[dy], [x]| Arch::new().dispatch(Backward { dy, x, scale, eps }));
    dx
}

/// Gradient of `scale`; the order of its sums depends on the shape alone.
pub(super) fn backward_scale(
    dy: &FlexTensor,
    x: FlexTensor,
    scale: &FlexTensor,
    eps: f32,
) -> FlexTensor {
    let (dy, x, [width]) = (dense(dy.clone()), dense(x), dims(scale));
    let task = rows_of_task(width);
    let parts: Vec<Vec<f32>> = values(&dy)
        .par_chunks(task)
        .zip(values(&x).par_chunks(task))
        .map(|(dy, x)| {
            let mut out = vec![0.0; width];
            Arch::new().dispatch(BackwardScale {
                out: &mut out,
                dy,
                x,
                eps,
            });
            out
        })
        .collect();
    let mut total = vec![0.0; width];
    for part in parts {
        total
            .iter_mut()
            .zip(part)
            .for_each(|(total, part)| *total += part);
    }
    tensor(total, [width])
}

/// Elements of whole rows that make a task.
fn rows_of_task(width: usize) -> usize {
    let width = width.max(1);
    (TASK / width).max(1) * width
}

/// `1 / sqrt(mean(x^2) + eps)`, computed in f64 and rounded once, as a whole row is multiplied by it.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)]
fn inverse<S: Simd>(simd: S, x: &[f32], eps: f32) -> f32 {
    let squares = sum(
        simd,
        x,
        x,
        #[inline(always)]
        |a, b| simd.mul_f32s(a, b),
    );
    let mean = f64::from(squares) / x.len() as f64 + f64::from(eps);
    mean.sqrt().recip() as f32
}

struct Forward<'a> {
    out: &'a mut [f32],
    x: &'a [f32],
    scale: &'a [f32],
    eps: f32,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.scale.len();
        for (out, x) in self
            .out
            .chunks_exact_mut(width)
            .zip(self.x.chunks_exact(width))
        {
            let inverse = simd.splat_f32s(inverse(simd, x, self.eps));
            let pair = [x, self.scale];
            combine(
                simd,
                out,
                pair,
                #[inline(always)]
                |x, scale| simd.mul_f32s(simd.mul_f32s(x, inverse), scale),
            );
        }
    }
}

/// In place, and rounded to bf16 before it is scaled.
struct ForwardInBf16<'a> {
    x: &'a mut [f32],
    scale: &'a [f32],
    eps: f32,
}

impl WithSimd for ForwardInBf16<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for x in self.x.chunks_exact_mut(self.scale.len()) {
            let inverse = simd.splat_f32s(inverse(simd, x, self.eps));
            update(
                simd,
                x,
                self.scale,
                #[inline(always)]
                |x, scale| simd.mul_f32s(rounded(simd, simd.mul_f32s(x, inverse)), scale),
            );
        }
    }
}

struct Backward<'a> {
    dy: &'a mut [f32],
    x: &'a [f32],
    scale: &'a [f32],
    eps: f32,
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.scale.len();
        for (dy, x) in self
            .dy
            .chunks_exact_mut(width)
            .zip(self.x.chunks_exact(width))
        {
            let inverse = inverse(simd, x, self.eps);
            update(
                simd,
                dy,
                self.scale,
                #[inline(always)]
                |dy, s| simd.mul_f32s(dy, s),
            );
            let products = sum(
                simd,
                x,
                dy,
                #[inline(always)]
                |x, h| simd.mul_f32s(x, h),
            );
            let along = products / width as f32;
            let (i, c) = (
                simd.splat_f32s(inverse),
                simd.splat_f32s(-along * inverse * inverse),
            );
            update(
                simd,
                dy,
                x,
                #[inline(always)]
                |h, x| simd.mul_f32s(i, simd.mul_add_e_f32s(x, c, h)),
            );
        }
    }
}

struct BackwardScale<'a> {
    out: &'a mut [f32],
    dy: &'a [f32],
    x: &'a [f32],
    eps: f32,
}

impl WithSimd for BackwardScale<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.out.len();
        for (dy, x) in self.dy.chunks_exact(width).zip(self.x.chunks_exact(width)) {
            let inverse = inverse(simd, x, self.eps);
            for ((out, dy), x) in self.out.iter_mut().zip(dy).zip(x) {
                *out += dy * (x * inverse);
            }
        }
    }
}
