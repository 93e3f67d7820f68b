//! Attention from Burn's own operations, in pieces whose scores fit into one buffer of a GPU.
//!
//! A GPU lends a bounded buffer: a quarter of its memory under CUDA, 2 GiB under Vulkan. The scores of 32 heads and
//! 4 x 2,048 tokens take 2 GiB in f32. Rows, groups of heads and queries do not depend on each other, so a piece of
//! them has the same numbers alone.

use burn::tensor::{Tensor, activation};

use super::{back_to, wide};

/// The most scores of a piece: 256 MiB in f32.
const MOST_SCORES: usize = 64 << 20;

/// [`crate::attention`] from Burn's own operations.
///
/// # Shapes
///
/// - `q`: `[rows, heads, tokens, head_dim]`, and so is the result
/// - `k`, `v`: `[rows, kv_heads, keys, head_dim]`, where `kv_heads` divides `heads`
/// - `mask`: `[rows or 1, 1, tokens, keys]` in f32, added to the scores
#[must_use]
pub fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, mask: Option<Tensor<4>>) -> Tensor<4> {
    attention_in_pieces(q, k, v, mask, MOST_SCORES)
}

/// [`attention`] in pieces of at most `most` scores, or of one query of one group of heads where that has more.
///
/// # Shapes
///
/// As for [`attention`].
#[must_use]
pub fn attention_in_pieces(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    mask: Option<Tensor<4>>,
    most: usize,
) -> Tensor<4> {
    let [rows, heads, tokens, _] = q.dims();
    let [_, kv_heads, keys, _] = k.dims();
    let group = heads / kv_heads;
    let piece = Piece::of([rows, kv_heads, tokens], group * keys, most);
    cat(0, rows, piece.rows, |row, many| {
        let [q, k, v] = [&q, &k, &v].map(|x| part(x, 0, row, many));
        let mask = mask.as_ref().map(|mask| match mask.dims()[0] {
            1 => mask.clone(),
            _ => part(mask, 0, row, many),
        });
        cat(1, kv_heads, piece.kv_heads, |head, many| {
            let q = part(&q, 1, head * group, many * group);
            let [k, v] = [&k, &v].map(|x| part(x, 1, head, many));
            cat(2, tokens, piece.tokens, |token, many| {
                let mask = mask.as_ref().map(|mask| part(mask, 2, token, many));
                whole(part(&q, 2, token, many), k.clone(), v.clone(), mask)
            })
        })
    })
}

/// How many rows, heads of keys, and queries are computed together.
#[derive(Debug, PartialEq)]
struct Piece {
    rows: usize,
    kv_heads: usize,
    tokens: usize,
}

impl Piece {
    /// Whole rows where one fits, else whole heads, else queries.
    fn of([rows, kv_heads, tokens]: [usize; 3], scores_of_query: usize, most: usize) -> Self {
        let fitting = |scores: usize, all: usize| (most / scores.max(1)).clamp(1, all.max(1));
        let (head, row) = (
            tokens * scores_of_query,
            kv_heads * tokens * scores_of_query,
        );
        Self {
            rows: fitting(row, rows),
            kv_heads: if row <= most {
                kv_heads
            } else {
                fitting(head, kv_heads)
            },
            tokens: if head <= most {
                tokens
            } else {
                fitting(scores_of_query, tokens)
            },
        }
    }
}

/// A function of each stretch of an axis, joined.
fn cat(
    axis: usize,
    length: usize,
    at_once: usize,
    of: impl Fn(usize, usize) -> Tensor<4>,
) -> Tensor<4> {
    if at_once >= length {
        return of(0, length);
    }
    let starts = (0..length).step_by(at_once);
    let pieces = starts.map(|start| of(start, at_once.min(length - start)));
    Tensor::cat(pieces.collect(), axis)
}

/// A stretch of an axis; the tensor itself where that is all of it.
fn part(x: &Tensor<4>, axis: usize, start: usize, length: usize) -> Tensor<4> {
    if x.dims()[axis] == length {
        return x.clone();
    }
    x.clone().narrow(axis, start, length)
}

fn whole(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, mask: Option<Tensor<4>>) -> Tensor<4> {
    let [rows, heads, tokens, width] = q.dims();
    let [_, kv_heads, keys, _] = k.dims();
    let group = heads / kv_heads;
    let dtype = q.dtype();
    // Heads of one group are neighbours, so the group becomes part of the token axis without a copy.
    let q = q.mul_scalar((width as f64).sqrt().recip());
    let q = q.reshape([rows, kv_heads, group * tokens, width]);
    let scores = wide(
        q.matmul(k.swap_dims(2, 3))
            .reshape([rows, heads, tokens, keys]),
    );
    let scores = match mask {
        Some(mask) => scores + mask,
        None => scores,
    };
    let weights = back_to(activation::softmax(scores, 3), dtype);
    let weights = weights.reshape([rows, kv_heads, group * tokens, keys]);
    weights.matmul(v).reshape([rows, heads, tokens, width])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_rows_then_heads_then_queries() {
        let piece = |most| Piece::of([4, 2, 10], 20, most);
        let of = |rows, kv_heads, tokens| Piece {
            rows,
            kv_heads,
            tokens,
        };
        assert_eq!(piece(1600), of(4, 2, 10));
        assert_eq!(piece(1599), of(3, 2, 10));
        assert_eq!(piece(400), of(1, 2, 10));
        assert_eq!(piece(399), of(1, 1, 10));
        assert_eq!(piece(199), of(1, 1, 9));
        assert_eq!(piece(1), of(1, 1, 1));
        // What the header promises: 4 x 2,048 tokens of 32 heads in eight pieces of 256 MiB.
        assert_eq!(Piece::of([4, 32, 2048], 2048, MOST_SCORES), of(1, 16, 2048));
    }
}
