//! The forward pass of softmax attention, one tile of queries at a time.
//!
//! Scores of a tile are in a thread's scratch memory; of each row of them, the maximum and the inverse sum of the
//! exponentials stay for the backward pass.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::few_queries;
use super::matrix::{Matrix, pad, product};
use super::softmax::softmax;
use super::tile::{
    Attended, Inputs, Scratch, Seen, Span, copy_columns, copy_mask, copy_rows, room, with_scratch,
};
use crate::extension::attention::Sizes;
use crate::flex::buffer::{Rows, swapped, tensor};

/// The fewest queries of a row whose keys are copied.
const COPIED: usize = 4;

/// Whether rows have so few queries that their keys are read where they are.
pub(crate) fn takes_few(sizes: Sizes) -> bool {
    sizes.tokens < COPIED
}

/// Attention of all rows.
pub(crate) fn forward(inputs: &Inputs) -> Attended {
    let sizes = Sizes::new(&inputs.q, &inputs.k);
    if takes_few(sizes) {
        return few_queries::forward(inputs, sizes);
    }
    let Sizes {
        rows,
        heads,
        tokens,
        width,
        ..
    } = sizes;
    let copies = copy_keys(inputs, sizes);
    let q = Rows::new(&inputs.q);
    let job = Job {
        sizes,
        q: &q,
        seen: Seen::new(&inputs.visible, sizes),
        copies: &copies,
    };
    let (token, tile) = (heads * width, sizes.tile());
    let mut out = vec![0.0; rows * tokens * token];
    let mut sums = vec![0.0; rows * tokens * heads * 2];
    let by_row = out
        .par_chunks_mut(tokens * token)
        .zip(sums.par_chunks_mut(tokens * heads * 2));
    by_row.enumerate().for_each(|(row, (out, sums))| {
        let tiles = out
            .par_chunks_mut(tile * token)
            .zip(sums.par_chunks_mut(tile * heads * 2));
        tiles.enumerate().for_each(|(index, (out, sums))| {
            let queries = index * tile..index * tile + out.len() / token;
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
    Attended {
        out: swapped(out, [rows, heads, tokens, width]),
        sums: tensor(sums, [rows, tokens, heads, 2]),
    }
}

/// Keys as columns, then values as rows, of each key head, padded.
fn copy_keys(inputs: &Inputs, sizes: Sizes) -> Vec<f32> {
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
    let mut copies = vec![0.0; rows * kv_heads * 2 * half];
    copies
        .par_chunks_mut(2 * half)
        .enumerate()
        .for_each(|(index, copy)| {
            let (row, head) = (index / kv_heads, index % kv_heads);
            let (columns, values) = copy.split_at_mut(half);
            copy_columns(columns, keys_padded, keys, |key| k.get([row, head, key]));
            for (key, out) in values.chunks_exact_mut(width_padded).take(keys).enumerate() {
                out[..width].copy_from_slice(v.get([row, head, key]));
            }
        });
    copies
}

struct Job<'a> {
    sizes: Sizes,
    q: &'a Rows<'a>,
    seen: Seen<'a>,
    /// What [`copy_keys`] returned.
    copies: &'a [f32],
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
        let span = copy_mask(mask, self.job.seen, self.row, self.queries.clone());
        let half = pad(keys) * pad(width);
        for head in 0..heads {
            let place = 2 * half * (self.row * kv_heads + head / self.job.sizes.group());
            let copy = &self.job.copies[place..place + 2 * half];
            self.weights(simd, &copy[..half], head, span);
            self.result(simd, &copy[half..], head, span);
        }
    }
}

impl Tile<'_> {
    /// Writes the exponentials of the scores of a head to `scores`.
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
        let rows = scores
            .chunks_exact_mut(span.width())
            .zip(mask.chunks_exact(span.width()));
        for ((row, mask), sums) in rows.zip(self.sums.chunks_exact_mut(2 * heads)) {
            sums[2 * head..2 * head + 2].copy_from_slice(&softmax(simd, row, mask));
        }
    }

    /// Writes the values of a head, weighted, to `out`.
    #[inline(always)]
    fn result<S: Simd>(&mut self, simd: S, values: &[f32], head: usize, span: Span) {
        let Sizes { heads, width, .. } = self.job.sizes;
        let (padded, whole) = (pad(width), self.queries.len().next_multiple_of(4));
        let result = room(&mut self.scratch.out, whole * padded);
        let weights = Matrix::new(&self.scratch.scores[..whole * span.width()], span.width());
        let values = Matrix::new(&values[span.start * padded..span.end * padded], padded);
        product(simd, result, weights, values, 0..padded);
        let rows = self
            .out
            .chunks_exact_mut(heads * width)
            .zip(result.chunks_exact(padded));
        for ((out, result), sums) in rows.zip(self.sums.chunks_exact(2 * heads)) {
            let out = &mut out[head * width..(head + 1) * width];
            for (out, result) in out.iter_mut().zip(result) {
                *out = result * sums[2 * head + 1];
            }
        }
    }
}
