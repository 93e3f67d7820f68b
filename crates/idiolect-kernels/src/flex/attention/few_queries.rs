//! Attention of rows with so few queries, as in generation, that copying their keys would cost more than it saves:
//! keys and values are read from the tensors themselves.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::softmax::softmax;
use super::tile::{Attended, Inputs, Scratch, Seen, copy_mask, room, with_scratch};
use crate::extension::attention::Sizes;
use crate::flex::buffer::{Rows, swapped, tensor};
use crate::flex::simd::{add_scaled, dots};

/// Keys that a query is multiplied with at a time, and values that are added in one pass over the result.
const TOGETHER: usize = 4;

/// Attention of rows with few queries.
pub(super) fn forward(inputs: &Inputs, sizes: Sizes) -> Attended {
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
                    inputs: [&q, &k, &v],
                    seen: Seen::new(inputs, sizes),
                    place: [token / tokens, key_head, token % tokens],
                    out,
                    sums,
                    scratch,
                });
            });
        });
    Attended {
        out: swapped(out, [rows, heads, tokens, width]),
        sums: tensor(sums, [rows, tokens, heads, 2]),
    }
}

/// One token's queries that share a key head.
struct Query<'a> {
    sizes: Sizes,
    inputs: [&'a Rows<'a>; 3],
    seen: Seen<'a>,
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
        let span = copy_mask(mask, self.seen, row, token..token + 1);
        let end = span.end.min(keys);
        let fours = (span.start..end).step_by(TOGETHER);
        let scores = room(scores, span.width());
        let members = self.out.chunks_exact_mut(self.sizes.width);
        for (member, (out, sums)) in members.zip(self.sums.chunks_exact_mut(2)).enumerate() {
            let query = q.get([row, key_head * group + member, token]);
            scores.fill(0.0);
            for (scores, first) in scores.chunks_mut(TOGETHER).zip(fours.clone()) {
                let key = |i: usize| k.get([row, key_head, first + i]);
                if first + TOGETHER <= end {
                    let keys: [&[f32]; TOGETHER] = std::array::from_fn(key);
                    scores.copy_from_slice(&dots(simd, query, keys));
                } else {
                    for (i, score) in scores.iter_mut().take(end - first).enumerate() {
                        [*score] = dots(simd, query, [key(i)]);
                    }
                }
            }
            let scale = self.sizes.scale();
            for score in scores.iter_mut() {
                *score *= scale;
            }
            sums.copy_from_slice(&softmax(simd, scores, mask));
            out.fill(0.0);
            for (weights, first) in scores.chunks(TOGETHER).zip(fours.clone()) {
                let value = |i: usize| v.get([row, key_head, first + i]);
                let weights = weights.iter().map(|weight| weight * sums[1]);
                if first + TOGETHER <= end {
                    let mut all = [0.0; TOGETHER];
                    all.iter_mut().zip(weights).for_each(|(all, w)| *all = w);
                    add_scaled(simd, out, all, std::array::from_fn(value));
                } else {
                    for (i, weight) in weights.take(end - first).enumerate() {
                        add_scaled(simd, out, [weight], [value(i)]);
                    }
                }
            }
        }
    }
}
