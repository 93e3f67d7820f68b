//! Softmax attention, tile of queries by tile, forward.
//!
//! Scores of a tile live in a thread's scratch memory; what is kept of each row is its maximum and the
//! inverse of its sum.
//! Rows with so few queries that packing their keys would not pay, as in generation, read keys and values
//! where they lie.

use std::ops::Range;

use burn_flex::FlexTensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::buffer::{Rows, swapped};
use super::product::{Matrix, pad, product};
use super::simd::{sum, update};
use super::tile::{
    Inputs, Scratch, Sizes, Span, copy_columns, copy_mask, copy_rows, room, with_scratch,
};

/// Queries of a row below which its keys are not packed.
const FEW: usize = 4;

/// The result as `[rows, heads, tokens, width]`, and maximum and inverse sum of each row of scores as
/// `[rows, tokens, heads, 2]`.
pub(super) fn forward(inputs: &Inputs) -> (FlexTensor, Vec<f32>) {
    let sizes = Sizes::new(&inputs.q, &inputs.k);
    if sizes.tokens < FEW {
        return few(inputs, sizes);
    }
    let Sizes {
        rows,
        heads,
        tokens,
        width,
        ..
    } = sizes;
    let packed = pack(inputs, sizes);
    let q = Rows::new(&inputs.q);
    let mask = inputs.mask.as_ref().map(Rows::new);
    let job = Job {
        sizes,
        q: &q,
        mask: mask.as_ref(),
        packed: &packed,
    };
    let (line, tile) = (heads * width, sizes.tile());
    let mut out = vec![0.0; rows * tokens * line];
    let mut sums = vec![0.0; rows * tokens * heads * 2];
    let by_row = out
        .par_chunks_mut(tokens * line)
        .zip(sums.par_chunks_mut(tokens * heads * 2));
    by_row.enumerate().for_each(|(row, (out, sums))| {
        let tiles = out
            .par_chunks_mut(tile * line)
            .zip(sums.par_chunks_mut(tile * heads * 2));
        tiles.enumerate().for_each(|(index, (out, sums))| {
            let queries = index * tile..index * tile + out.len() / line;
            with_scratch(|scratch| {
                Arch::new().dispatch(Tile {
                    job: &job,
                    row,
                    queries,
                    out,
                    sums,
                    scratch,
                });
            });
        });
    });
    (swapped(out, [rows, heads, tokens, width]), sums)
}

fn few(inputs: &Inputs, sizes: Sizes) -> (FlexTensor, Vec<f32>) {
    let Sizes {
        rows,
        heads,
        kv_heads,
        tokens,
        width,
        ..
    } = sizes;
    let (q, k, v) = (
        Rows::new(&inputs.q),
        Rows::new(&inputs.k),
        Rows::new(&inputs.v),
    );
    let mask = inputs.mask.as_ref().map(Rows::new);
    let mut out = vec![0.0; rows * tokens * heads * width];
    let mut sums = vec![0.0; rows * tokens * heads * 2];
    out.par_chunks_mut(sizes.group() * width)
        .zip(sums.par_chunks_mut(sizes.group() * 2))
        .enumerate()
        .for_each(|(index, (out, sums))| {
            let (line, key_head) = (index / kv_heads, index % kv_heads);
            with_scratch(|scratch| {
                Arch::new().dispatch(Query {
                    sizes,
                    inputs: [&q, &k, &v],
                    mask: mask.as_ref(),
                    place: [line / tokens, key_head, line % tokens],
                    out,
                    sums,
                    scratch,
                });
            });
        });
    (swapped(out, [rows, heads, tokens, width]), sums)
}

/// One token's queries that share a key head.
struct Query<'a> {
    sizes: Sizes,
    inputs: [&'a Rows<'a>; 3],
    mask: Option<&'a Rows<'a>>,
    /// Row, key head and token.
    place: [usize; 3],
    out: &'a mut [f32],
    sums: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl WithSimd for Query<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let ([row, key_head, token], [q, k, v]) = (self.place, self.inputs);
        let (keys, group) = (self.sizes.keys, self.sizes.group());
        let Scratch { mask, scores, .. } = self.scratch;
        let span = copy_mask(mask, self.mask, row, token..token + 1, keys);
        let seen = || (span.start..span.end.min(keys)).map(|key| [row, key_head, key]);
        let scores = room(scores, span.width());
        let members = self.out.chunks_exact_mut(self.sizes.width);
        for (member, (out, sums)) in members.zip(self.sums.chunks_exact_mut(2)).enumerate() {
            let query = q.get([row, key_head * group + member, token]);
            scores.fill(0.0);
            for (score, at) in scores.iter_mut().zip(seen()) {
                let product = sum(
                    simd,
                    query,
                    k.get(at),
                    #[inline(always)]
                    |a, b| simd.mul_f32s(a, b),
                );
                *score = product * self.sizes.scale();
            }
            sums.copy_from_slice(&softmax(simd, scores, mask));
            out.fill(0.0);
            for (weight, at) in scores.iter().zip(seen()) {
                let weight = simd.splat_f32s(weight * sums[1]);
                update(
                    simd,
                    out,
                    v.get(at),
                    #[inline(always)]
                    |out, value| simd.mul_add_e_f32s(weight, value, out),
                );
            }
        }
    }
}

/// Keys as columns and values as rows of each key head, padded, one after the other.
fn pack(inputs: &Inputs, sizes: Sizes) -> Vec<f32> {
    let Sizes {
        rows,
        kv_heads,
        keys,
        width,
        ..
    } = sizes;
    let (keys_padded, width_padded) = (pad(keys), pad(width));
    let (k, v) = (Rows::new(&inputs.k), Rows::new(&inputs.v));
    let half = keys_padded * width_padded;
    let mut packed = vec![0.0; rows * kv_heads * 2 * half];
    packed
        .par_chunks_mut(2 * half)
        .enumerate()
        .for_each(|(index, packed)| {
            let (row, head) = (index / kv_heads, index % kv_heads);
            let (columns, values) = packed.split_at_mut(half);
            copy_columns(columns, keys_padded, keys, |key| k.get([row, head, key]));
            for (key, out) in values.chunks_exact_mut(width_padded).take(keys).enumerate() {
                out[..width].copy_from_slice(v.get([row, head, key]));
            }
        });
    packed
}

struct Job<'a> {
    sizes: Sizes,
    q: &'a Rows<'a>,
    mask: Option<&'a Rows<'a>>,
    packed: &'a [f32],
}

struct Tile<'a> {
    job: &'a Job<'a>,
    row: usize,
    queries: Range<usize>,
    out: &'a mut [f32],
    sums: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl WithSimd for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Sizes {
            heads,
            kv_heads,
            keys,
            width,
            ..
        } = self.job.sizes;
        let mask = &mut self.scratch.mask;
        let span = copy_mask(mask, self.job.mask, self.row, self.queries.clone(), keys);
        let half = pad(keys) * pad(width);
        for head in 0..heads {
            let place = 2 * half * (self.row * kv_heads + head / self.job.sizes.group());
            let packed = &self.job.packed[place..place + 2 * half];
            self.weights(simd, &packed[..half], head, span);
            self.result(simd, &packed[half..], head, span);
        }
    }
}

impl Tile<'_> {
    /// Leaves exponentials of the scores of a head in `scores`.
    #[inline(always)]
    fn weights<S: Simd>(&mut self, simd: S, columns: &[f32], head: usize, span: Span) {
        let Sizes {
            heads, keys, width, ..
        } = self.job.sizes;
        let (padded, whole) = (pad(width), self.queries.len().next_multiple_of(4));
        let Scratch {
            q, scores, mask, ..
        } = &mut *self.scratch;
        let rows = self
            .queries
            .clone()
            .map(|query| self.job.q.get([self.row, head, query]));
        copy_rows(q, rows, padded, self.job.sizes.scale());
        q.resize(whole * padded, 0.0);
        let scores = room(scores, whole * span.width());
        let (q, k) = (Matrix::new(q, padded), Matrix::new(columns, pad(keys)));
        product(simd, scores, q, k, span.range());
        let lines = scores
            .chunks_exact_mut(span.width())
            .zip(mask.chunks_exact(span.width()));
        for ((line, mask), kept) in lines.zip(self.sums.chunks_exact_mut(2 * heads)) {
            kept[2 * head..2 * head + 2].copy_from_slice(&softmax(simd, line, mask));
        }
    }

    /// Writes what the weights of a head make of the values.
    #[inline(always)]
    fn result<S: Simd>(&mut self, simd: S, values: &[f32], head: usize, span: Span) {
        let Sizes { heads, width, .. } = self.job.sizes;
        let (padded, whole) = (pad(width), self.queries.len().next_multiple_of(4));
        let result = room(&mut self.scratch.out, whole * padded);
        let weights = Matrix::new(&self.scratch.scores[..whole * span.width()], span.width());
        let values = Matrix::new(&values[span.start * padded..span.end * padded], padded);
        product(simd, result, weights, values, 0..padded);
        let lines = self
            .out
            .chunks_exact_mut(heads * width)
            .zip(result.chunks_exact(padded));
        for ((out, result), sums) in lines.zip(self.sums.chunks_exact(2 * heads)) {
            let out = &mut out[head * width..(head + 1) * width];
            for (out, result) in out.iter_mut().zip(result) {
                *out = result * sums[2 * head + 1];
            }
        }
    }
}

/// Turns a row of scores into exponentials; returns its maximum and the inverse of their sum.
#[inline(always)]
fn softmax<S: Simd>(simd: S, scores: &mut [f32], mask: &[f32]) -> [f32; 2] {
    let scores = S::as_mut_simd_f32s(scores).0;
    let mut highest = simd.splat_f32s(f32::NEG_INFINITY);
    for (score, mask) in scores.iter_mut().zip(S::as_simd_f32s(mask).0) {
        *score = simd.add_f32s(*score, *mask);
        highest = simd.max_f32s(highest, *score);
    }
    let highest = simd.reduce_max_f32s(highest);
    let shift = simd.splat_f32s(highest);
    let mut total = simd.splat_f32s(0.0);
    for score in scores {
        *score = super::simd::exp(simd, simd.sub_f32s(*score, shift));
        total = simd.add_f32s(total, *score);
    }
    [highest, simd.reduce_sum_f32s(total).recip()]
}
