//! Attention of rows with so few queries, as in generation, that copying their keys would cost more than it saves:
//! keys and values are read from the tensors themselves.

use burn::tensor::{Element, bf16};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::softmax::softmax;
use super::tile::{Attended, Inputs, Scratch, Seen, copy_mask, room, with_scratch};
use crate::extension::attention::Sizes;
use crate::flex::buffer::{Rows, swapped, tensor};
use crate::flex::simd::bf16::widen_by;
use crate::flex::simd::{add_scaled, dots};

/// Keys that a query is multiplied with at a time, and values that are added in one pass over the result.
const TOGETHER: usize = 4;

/// Attention of rows with few queries.
pub(super) fn forward(inputs: &Inputs, sizes: Sizes) -> Attended {
    let Sizes {
        rows,
        heads,
        tokens,
        width,
        ..
    } = sizes;
    let (q, k, v) = (
        Rows::new(&inputs.q),
        Rows::new(&inputs.k),
        Rows::new(&inputs.v),
    );
    let seen = Seen::new(&inputs.visible, sizes);
    let (out, sums) = attend(&q, [&k, &v], seen, sizes);
    Attended {
        out: swapped(out, [rows, heads, tokens, width]),
        sums: tensor(sums, [rows, tokens, heads, 2]),
    }
}

/// What queries attend to, `[rows, tokens, heads, width]`, and the maximum and inverse sum of each row of scores.
pub(super) fn attend<E: Cached>(
    q: &Rows<'_>,
    [k, v]: [&Rows<'_, E>; 2],
    seen: Seen<'_>,
    sizes: Sizes,
) -> (Vec<f32>, Vec<f32>) {
    let Sizes {
        rows,
        heads,
        kv_heads,
        tokens,
        width,
        ..
    } = sizes;
    let mut out = vec![0.0; rows * tokens * heads * width];
    let mut sums = vec![0.0; rows * tokens * heads * 2];
    out.par_chunks_mut(sizes.group() * width)
        .zip(sums.par_chunks_mut(sizes.group() * 2))
        .enumerate()
        .for_each(|(index, (out, sums))| {
            let (token, key_head) = (index / kv_heads, index % kv_heads);
            with_scratch(|scratch| {
                Arch::new().dispatch(Query {
                    sizes,
                    q,
                    k,
                    v,
                    seen,
                    place: [token / tokens, key_head, token % tokens],
                    out,
                    sums,
                    scratch,
                });
            });
        });
    (out, sums)
}

/// A type in which keys and values are read.
pub(super) trait Cached: Element + Sync {
    /// A row in f32: itself, or written to `memory`, which is as long.
    fn wide<'a, S: Simd>(simd: S, row: &'a [Self], memory: &'a mut [f32]) -> &'a [f32];
}

impl Cached for f32 {
    #[inline(always)]
    fn wide<'a, S: Simd>(_: S, row: &'a [Self], _: &'a mut [f32]) -> &'a [f32] {
        row
    }
}

impl Cached for bf16 {
    #[inline(always)]
    fn wide<'a, S: Simd>(simd: S, row: &'a [Self], memory: &'a mut [f32]) -> &'a [f32] {
        widen_by(simd, row, memory);
        memory
    }
}

/// One token's queries that share a key head.
struct Query<'a, E> {
    sizes: Sizes,
    q: &'a Rows<'a>,
    k: &'a Rows<'a, E>,
    v: &'a Rows<'a, E>,
    seen: Seen<'a>,
    /// Row, key head and token.
    place: [usize; 3],
    out: &'a mut [f32],
    sums: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl<E: Cached> WithSimd for Query<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let ([row, key_head, token], width) = (self.place, self.sizes.width);
        let Scratch {
            mask, scores, k, ..
        } = self.scratch;
        let span = copy_mask(mask, self.seen, row, token..token + 1);
        let keys = Keys {
            place: [row, key_head],
            first: span.start,
            end: span.end.min(self.sizes.keys),
        };
        let memory = room(k, TOGETHER * width);
        let scores = room(scores, self.sizes.group() * span.width());
        scores.fill(0.0);
        for (first, count) in keys.in_fours() {
            let rows = keys.read(simd, self.k, first, memory);
            for (member, scores) in scores.chunks_exact_mut(span.width()).enumerate() {
                let place = [row, key_head * self.sizes.group() + member, token];
                let scores = &mut scores[first - keys.first..][..count];
                multiply(simd, self.q.get(place), rows, scores);
            }
        }
        let scale = self.sizes.scale();
        for score in scores.iter_mut() {
            *score *= scale;
        }
        let members = scores.chunks_exact_mut(span.width());
        for (scores, sums) in members.zip(self.sums.chunks_exact_mut(2)) {
            sums.copy_from_slice(&softmax(simd, scores, mask));
        }
        self.out.fill(0.0);
        for (first, count) in keys.in_fours() {
            let rows = keys.read(simd, self.v, first, memory);
            let members = scores.chunks_exact(span.width()).zip(self.sums.chunks(2));
            for (out, (scores, sums)) in self.out.chunks_exact_mut(width).zip(members) {
                add(
                    simd,
                    out,
                    &scores[first - keys.first..][..count],
                    sums[1],
                    rows,
                );
            }
        }
    }
}

/// The keys that a query sees, and their values.
struct Keys {
    /// Row and key head.
    place: [usize; 2],
    first: usize,
    end: usize,
}

impl Keys {
    /// The first key of each piece and how many keys it has.
    #[inline(always)]
    fn in_fours(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (first, end) = (self.first, self.end);
        (first..end)
            .step_by(TOGETHER)
            .map(move |first| (first, TOGETHER.min(end - first)))
    }

    /// The rows of a piece in f32; behind the last key it is repeated.
    #[inline(always)]
    fn read<'a, S: Simd, E: Cached>(
        &self,
        simd: S,
        rows: &Rows<'a, E>,
        first: usize,
        memory: &'a mut [f32],
    ) -> [&'a [f32]; TOGETHER] {
        let [row, head] = self.place;
        let mut found: [&[f32]; TOGETHER] = [&[]; TOGETHER];
        let memory = memory.chunks_exact_mut(memory.len() / TOGETHER);
        for (i, (found, memory)) in found.iter_mut().zip(memory).enumerate() {
            let at = (first + i).min(self.end - 1);
            *found = E::wide(simd, rows.get([row, head, at]), memory);
        }
        found
    }
}

/// The products of a query with keys, one for each of `scores`.
#[inline(always)]
fn multiply<S: Simd>(simd: S, query: &[f32], keys: [&[f32]; TOGETHER], scores: &mut [f32]) {
    if let Some(scores) = scores.as_mut_array::<TOGETHER>() {
        *scores = dots(simd, query, keys);
        return;
    }
    for (score, key) in scores.iter_mut().zip(keys) {
        [*score] = dots(simd, query, [key]);
    }
}

/// Adds values times `scores` and `factor`.
#[inline(always)]
fn add<S: Simd>(simd: S, out: &mut [f32], scores: &[f32], factor: f32, values: [&[f32]; TOGETHER]) {
    if let Some(scores) = scores.as_array::<TOGETHER>() {
        let mut weights = *scores;
        for weight in &mut weights {
            *weight *= factor;
        }
        add_scaled(simd, out, weights, values);
        return;
    }
    for (score, values) in scores.iter().zip(values) {
        add_scaled(simd, out, [score * factor], [values]);
    }
}
