//! Half-split rotary embedding over heads that lie as they lie.
//!
//! The way back is the same turn by the opposite angle.

use burn_flex::FlexTensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::buffer::{Rows, dims, is_free, readable, swapped, tensor};
use super::simd::TASK;

/// Which way to turn, and how the result lies in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// 1 forward, -1 back.
    pub(super) sign: f32,
    /// Tokens outside heads, as a projection has them.
    pub(super) by_token: bool,
}

/// Turns the heads of `x`, in its own memory where nobody else holds it and the order is right.
pub(super) fn turn(
    mut x: FlexTensor,
    cos: &FlexTensor,
    sin: &FlexTensor,
    turn: Turn,
) -> FlexTensor {
    let shape = dims::<4>(&x);
    let (cos, sin) = (readable(cos.clone()), readable(sin.clone()));
    let mut job = Job {
        x: None,
        cos: Rows::new(&cos),
        sin: Rows::new(&sin),
        shape,
        turn,
    };
    if is_free(&x, turn.by_token) {
        job.run(x.storage_mut());
        return x;
    }
    let x = readable(x);
    job.x = Some(Rows::new(&x));
    let mut out = vec![0.0; shape.iter().product()];
    job.run(&mut out);
    if turn.by_token {
        swapped(out, shape)
    } else {
        tensor(out, shape)
    }
}

struct Job<'a> {
    /// Where the heads are read; `None` where they are turned in place.
    x: Option<Rows<'a>>,
    cos: Rows<'a>,
    sin: Rows<'a>,
    shape: [usize; 4],
    turn: Turn,
}

impl Job<'_> {
    fn run(&self, out: &mut [f32]) {
        let [_, heads, tokens, width] = self.shape;
        let (outer, inner) = if self.turn.by_token {
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
            turn,
        } = self.job;
        let sign = simd.splat_f32s(turn.sign);
        for (inner, out) in self.out.chunks_exact_mut(shape[3]).enumerate() {
            let (head, token) = if turn.by_token {
                (inner, self.outer)
            } else {
                (self.outer, inner)
            };
            if let Some(x) = x {
                out.copy_from_slice(x.get([self.row, head, token]));
            }
            let angle = [self.row, 0, token];
            turn_row(simd, out, [cos.get(angle), sin.get(angle)], sign);
        }
    }
}

#[inline(always)]
fn turn_row<S: Simd>(simd: S, row: &mut [f32], [cos, sin]: [&[f32]; 2], sign: S::f32s) {
    let (a, b) = row.split_at_mut(cos.len());
    let (a, a_tail) = S::as_mut_simd_f32s(a);
    let (b, b_tail) = S::as_mut_simd_f32s(b);
    let (cos, cos_tail) = S::as_simd_f32s(cos);
    let (sin, sin_tail) = S::as_simd_f32s(sin);
    for ((a, b), (cos, sin)) in a.iter_mut().zip(b).zip(cos.iter().zip(sin)) {
        [*a, *b] = turn_pair(simd, [*a, *b], *cos, simd.mul_f32s(sign, *sin));
    }
    if !a_tail.is_empty() {
        let load = |tail: &[f32]| simd.partial_load_f32s(tail);
        let sin = simd.mul_f32s(sign, load(sin_tail));
        let [c, d] = turn_pair(simd, [load(a_tail), load(b_tail)], load(cos_tail), sin);
        simd.partial_store_f32s(a_tail, c);
        simd.partial_store_f32s(b_tail, d);
    }
}

#[inline(always)]
fn turn_pair<S: Simd>(simd: S, [a, b]: [S::f32s; 2], cos: S::f32s, sin: S::f32s) -> [S::f32s; 2] {
    let first = simd.negate_mul_add_e_f32s(b, sin, simd.mul_f32s(a, cos));
    let second = simd.mul_add_e_f32s(a, sin, simd.mul_f32s(b, cos));
    [first, second]
}
