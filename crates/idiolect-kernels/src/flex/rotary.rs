//! Half-split rotary embedding of heads, in whichever order of memory they are.
//!
//! Its backward pass is the rotation by the opposite angle.

use burn_flex::FlexTensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::buffer::{Rows, dims, is_free, is_swapped, readable, swapped, tensor};
use super::simd::TASK;

/// The direction of a rotation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Direction {
    /// By the angles; the result has the order of memory of what is rotated.
    Forward,
    /// By their opposite; the result has heads inside tokens in memory, as the projection whose gradient it is.
    Backward,
}

/// Rotates the heads of `x`, in its own memory where nothing else owns it and the order is that of the result.
pub(super) fn rotate(
    mut x: FlexTensor,
    cos: &FlexTensor,
    sin: &FlexTensor,
    direction: Direction,
) -> FlexTensor {
    let shape = dims::<4>(&x);
    let is_backward = direction == Direction::Backward;
    let by_token = is_backward || is_swapped(&x);
    let (cos, sin) = (readable(cos.clone()), readable(sin.clone()));
    let mut job = Job {
        x: None,
        cos: Rows::new(&cos),
        sin: Rows::new(&sin),
        shape,
        sign: if is_backward { -1.0 } else { 1.0 },
        by_token,
    };
    if is_free(&x, by_token) {
        job.run(x.storage_mut());
        return x;
    }
    let x = readable(x);
    job.x = Some(Rows::new(&x));
    let mut out = vec![0.0; shape.iter().product()];
    job.run(&mut out);
    if by_token {
        swapped(out, shape)
    } else {
        tensor(out, shape)
    }
}

/// Rotates the heads of neighbouring tokens in place, whose angles `[.., tokens, width / 2]` are cosines and sines.
pub(super) fn rotate_tokens(heads: &mut [f32], width: usize, angles: &[FlexTensor; 2]) {
    let [cos, sin] = angles.each_ref().map(|angles| {
        let start = angles.layout().start_offset();
        &angles.storage::<f32>()[start..start + angles.layout().num_elements()]
    });
    Arch::new().dispatch(Tokens {
        heads,
        width,
        angles: [cos, sin],
    });
}

/// All heads of some tokens.
struct Tokens<'a> {
    heads: &'a mut [f32],
    width: usize,
    angles: [&'a [f32]; 2],
}

impl WithSimd for Tokens<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let ([cos, sin], half) = (self.angles, self.width / 2);
        let (one, tokens) = (simd.splat_f32s(1.0), cos.len() / half.max(1));
        let of_token = self.heads.len() / tokens.max(1);
        let angles = cos.chunks_exact(half).zip(sin.chunks_exact(half));
        for (heads, (cos, sin)) in self.heads.chunks_exact_mut(of_token).zip(angles) {
            for head in heads.chunks_exact_mut(self.width) {
                rotate_row(simd, head, [cos, sin], one);
            }
        }
    }
}

struct Job<'a> {
    /// The heads that are read; `None` where they are rotated in place.
    x: Option<Rows<'a>>,
    cos: Rows<'a>,
    sin: Rows<'a>,
    shape: [usize; 4],
    sign: f32,
    /// Whether heads are inside tokens in memory, as in a projection.
    by_token: bool,
}

impl Job<'_> {
    fn run(&self, out: &mut [f32]) {
        let [_, heads, tokens, width] = self.shape;
        let (outer, inner) = if self.by_token {
            (tokens, heads)
        } else {
            (heads, tokens)
        };
        let block = (inner * width).max(1);
        let blocks = out
            .par_chunks_mut(block)
            .with_min_len((TASK / block).max(1));
        blocks.enumerate().for_each(|(index, out)| {
            let (row, outer) = (index / outer, index % outer);
            Arch::new().dispatch(Block {
                job: self,
                out,
                row,
                outer,
            });
        });
    }
}

/// All tokens of a head, or all heads of a token.
struct Block<'a> {
    job: &'a Job<'a>,
    out: &'a mut [f32],
    row: usize,
    outer: usize,
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Job {
            x,
            cos,
            sin,
            shape,
            sign,
            by_token,
        } = self.job;
        let sign = simd.splat_f32s(*sign);
        for (inner, out) in self.out.chunks_exact_mut(shape[3]).enumerate() {
            let (head, token) = if *by_token {
                (inner, self.outer)
            } else {
                (self.outer, inner)
            };
            if let Some(x) = x {
                out.copy_from_slice(x.get([self.row, head, token]));
            }
            let angle = [self.row, 0, token];
            rotate_row(simd, out, [cos.get(angle), sin.get(angle)], sign);
        }
    }
}

#[inline(always)]
fn rotate_row<S: Simd>(simd: S, row: &mut [f32], [cos, sin]: [&[f32]; 2], sign: S::f32s) {
    let (a, b) = row.split_at_mut(cos.len());
    let (a, a_tail) = S::as_mut_simd_f32s(a);
    let (b, b_tail) = S::as_mut_simd_f32s(b);
    let (cos, cos_tail) = S::as_simd_f32s(cos);
    let (sin, sin_tail) = S::as_simd_f32s(sin);
    for ((a, b), (cos, sin)) in a.iter_mut().zip(b).zip(cos.iter().zip(sin)) {
        [*a, *b] = rotate_pair(simd, [*a, *b], *cos, simd.mul_f32s(sign, *sin));
    }
    if !a_tail.is_empty() {
        let load = |tail: &[f32]| simd.partial_load_f32s(tail);
        let sin = simd.mul_f32s(sign, load(sin_tail));
        let [c, d] = rotate_pair(simd, [load(a_tail), load(b_tail)], load(cos_tail), sin);
        simd.partial_store_f32s(a_tail, c);
        simd.partial_store_f32s(b_tail, d);
    }
}

#[inline(always)]
fn rotate_pair<S: Simd>(simd: S, [a, b]: [S::f32s; 2], cos: S::f32s, sin: S::f32s) -> [S::f32s; 2] {
    let first = simd.negate_mul_add_e_f32s(b, sin, simd.mul_f32s(a, cos));
    let second = simd.mul_add_e_f32s(a, sin, simd.mul_f32s(b, cos));
    [first, second]
}
