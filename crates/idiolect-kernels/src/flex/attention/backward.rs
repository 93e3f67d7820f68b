//! The backward pass of softmax attention, from the maximum and inverse sum of each row of scores.
//!
//! With `P = softmax(S)`, `S = scale Q K^T + mask` and `dP = dO V^T`:
//! `dS = P (dP - rowsum(P dP))`, `dV = P^T dO`, `dQ = scale dS K`, `dK = scale dS^T Q`
//! (Dao et al., arXiv 2205.14135, appendix B.2; a tile here holds whole rows, so that the row sum does not need
//! the output).

use burn_flex::FlexTensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::matrix::{Matrix, add_transposed_product, pad, product};
use super::softmax::softmax_backward;
use super::tile::{
    Inputs, Scratch, Seen, Span, copy_columns, copy_mask, copy_rows, room, with_scratch,
};
use crate::extension::attention::Sizes;
use crate::flex::buffer::{Rows, readable, tensor};

/// Gradients of `q`, `k` and `v`.
pub(crate) fn backward(inputs: &Inputs, sums: &FlexTensor, dy: FlexTensor) -> [FlexTensor; 3] {
    let sizes = Sizes::new(&inputs.q, &inputs.k);
    let Sizes {
        rows,
        heads,
        kv_heads,
        tokens,
        keys,
        width,
    } = sizes;
    let dy = readable(dy);
    let (q, k, v, dy) = (
        Rows::new(&inputs.q),
        Rows::new(&inputs.k),
        Rows::new(&inputs.v),
        Rows::new(&dy),
    );
    let job = Job {
        sizes,
        q: &q,
        k: &k,
        v: &v,
        dy: &dy,
        seen: Seen::new(&inputs.visible, sizes),
        sums: sums.storage(),
    };
    let (queries_of_group, keys_of_head) = (sizes.group() * tokens * width, keys * width);
    let mut dq = vec![0.0; rows * kv_heads * queries_of_group];
    let mut dk = vec![0.0; rows * kv_heads * keys_of_head];
    let mut dv = vec![0.0; rows * kv_heads * keys_of_head];
    let by_key_head = dq.par_chunks_mut(queries_of_group).zip(
        dk.par_chunks_mut(keys_of_head)
            .zip(dv.par_chunks_mut(keys_of_head)),
    );
    by_key_head.enumerate().for_each(|(index, (dq, (dk, dv)))| {
        with_scratch(|scratch| {
            Arch::new().dispatch(Head {
                job: &job,
                index,
                dq,
                dk,
                dv,
                scratch,
            });
        });
    });
    let of_keys = [rows, kv_heads, keys, width];
    [
        tensor(dq, [rows, heads, tokens, width]),
        tensor(dk, of_keys),
        tensor(dv, of_keys),
    ]
}

struct Job<'a> {
    sizes: Sizes,
    q: &'a Rows<'a>,
    k: &'a Rows<'a>,
    v: &'a Rows<'a>,
    dy: &'a Rows<'a>,
    seen: Seen<'a>,
    sums: &'a [f32],
}

/// A key head of one row, with the query heads that share it.
struct Head<'a> {
    job: &'a Job<'a>,
    index: usize,
    dq: &'a mut [f32],
    dk: &'a mut [f32],
    dv: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl WithSimd for Head<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            job,
            index,
            dq,
            dk,
            dv,
            scratch,
        } = self;
        let Sizes {
            kv_heads,
            tokens,
            width,
            ..
        } = job.sizes;
        let (row, key_head) = (index / kv_heads, index % kv_heads);
        copy_keys(job, [row, key_head], scratch);
        let group = job.sizes.group();
        for first in (0..tokens).step_by(job.sizes.tile()) {
            let queries = first..(first + job.sizes.tile()).min(tokens);
            let mut mask = std::mem::take(&mut scratch.mask);
            let span = copy_mask(&mut mask, job.seen, row, queries.clone());
            for member in 0..group {
                let place = [row, key_head * group + member, first];
                let tile = Tile {
                    job,
                    place,
                    count: queries.len(),
                    span,
                    mask: &mask,
                };
                tile.scores(simd, scratch);
                tile.gradients(simd, scratch);
                let rows = scratch.out.chunks_exact(pad(width)).take(queries.len());
                let dq = dq[(member * tokens + first) * width..].chunks_exact_mut(width);
                for (dq, row) in dq.zip(rows) {
                    let scale = job.sizes.scale();
                    dq.iter_mut()
                        .zip(row)
                        .for_each(|(dq, value)| *dq = value * scale);
                }
            }
            scratch.mask = mask;
        }
        for (out, padded) in [(dk, &scratch.dk), (dv, &scratch.dv)] {
            for (out, padded) in out
                .chunks_exact_mut(width)
                .zip(padded.chunks_exact(pad(width)))
            {
                out.copy_from_slice(&padded[..width]);
            }
        }
    }
}

/// Keys and values of a key head as rows and as columns, and zeros for their gradients.
fn copy_keys(job: &Job<'_>, [row, head]: [usize; 2], scratch: &mut Scratch) {
    let (keys, padded) = (job.sizes.keys, pad(job.sizes.width));
    let whole = pad(keys) * padded;
    copy_rows(
        &mut scratch.k,
        (0..keys).map(|key| job.k.get([row, head, key])),
        padded,
        1.0,
    );
    scratch.k.resize(whole, 0.0);
    let (k, v) = (&mut scratch.k_columns, &mut scratch.v_columns);
    copy_columns(room(k, whole), pad(keys), keys, |key| {
        job.k.get([row, head, key])
    });
    copy_columns(room(v, whole), pad(keys), keys, |key| {
        job.v.get([row, head, key])
    });
    room(&mut scratch.dk, whole).fill(0.0);
    room(&mut scratch.dv, whole).fill(0.0);
}

struct Tile<'a> {
    job: &'a Job<'a>,
    /// Row, head and first query.
    place: [usize; 3],
    count: usize,
    span: Span,
    mask: &'a [f32],
}

impl Tile<'_> {
    /// Writes `P` to `scores`, `dS` without its scale to `gradients`, the scaled `Q` to `q`, `dO` to `dy`.
    #[inline(always)]
    fn scores<S: Simd>(&self, simd: S, scratch: &mut Scratch) {
        let Self {
            job,
            place: [row, head, first],
            count,
            span,
            ..
        } = *self;
        let Sizes {
            heads,
            tokens,
            keys,
            width,
            ..
        } = job.sizes;
        let (padded, whole) = (pad(width), count.next_multiple_of(4));
        let queries = first..first + count;
        let q = queries.clone().map(|query| job.q.get([row, head, query]));
        copy_rows(&mut scratch.q, q, padded, job.sizes.scale());
        scratch.q.resize(whole * padded, 0.0);
        let dy = queries.clone().map(|query| job.dy.get([row, head, query]));
        copy_rows(&mut scratch.dy, dy, padded, 1.0);
        scratch.dy.resize(whole * padded, 0.0);
        let wide = |values| Matrix::new(values, pad(keys));
        let tall = |values| Matrix::new(values, padded);
        let scores = room(&mut scratch.scores, whole * span.width());
        let k = &scratch.k_columns[..pad(keys) * padded];
        product(simd, scores, tall(&scratch.q), wide(k), span.range());
        let gradients = room(&mut scratch.gradients, whole * span.width());
        let v = &scratch.v_columns[..pad(keys) * padded];
        product(simd, gradients, tall(&scratch.dy), wide(v), span.range());
        let rows = scores
            .chunks_exact_mut(span.width())
            .zip(gradients.chunks_exact_mut(span.width()));
        let masks = self.mask.chunks_exact(span.width());
        for ((query, (scores, gradients)), mask) in queries.zip(rows).zip(masks) {
            let place = 2 * ((row * tokens + query) * heads + head);
            softmax_backward(
                simd,
                scores,
                gradients,
                mask,
                [job.sums[place], job.sums[place + 1]],
            );
        }
    }

    /// Adds to `dk` and `dv`, and writes `dQ` without its scale to `out`.
    #[inline(always)]
    fn gradients<S: Simd>(&self, simd: S, scratch: &mut Scratch) {
        let (span, padded) = (self.span, pad(self.job.sizes.width));
        let whole = self.count.next_multiple_of(4);
        let keys = span.start * padded..span.end * padded;
        let wide = |values| Matrix::new(values, span.width());
        let tall = |values| Matrix::new(values, padded);
        let weights = wide(&scratch.scores[..self.count * span.width()]);
        let dv = &mut scratch.dv[keys.clone()];
        add_transposed_product(simd, dv, weights, tall(&scratch.dy));
        let gradients = wide(&scratch.gradients[..self.count * span.width()]);
        let dk = &mut scratch.dk[keys.clone()];
        add_transposed_product(simd, dk, gradients, tall(&scratch.q));
        let dq = room(&mut scratch.out, whole * padded);
        let gradients = wide(&scratch.gradients[..whole * span.width()]);
        product(simd, dq, gradients, tall(&scratch.k[keys]), 0..padded);
    }
}
