//! Softmax attention that keeps no scores: the backward pass computes them again from queries and keys.
//!
//! With `P = softmax(scale Q K^T)` and `dP = dO V^T`: `dS = scale P (dP - rowsum(P dP))`, `dQ = dS K`, `dK = dS^T Q`,
//! `dV = P^T dO` (Dao et al., arXiv 2205.14135, appendix B.2). Rows, groups of heads and queries are computed piece
//! by piece, so that the scores of no more than a piece exist at a time.

mod grouped;
mod piece;
mod pieces;

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, TensorMetadata};

use self::piece::Piece;
use self::pieces::{Pieces, joined, stretch, stretch_of_bounds, stretches};
use super::dims;
use crate::extension::attention::{Attended, AttentionInputs, Kept, Sizes};
use crate::extension::scores::Scores;

/// Attention of all rows.
pub(crate) fn forward<B: Scores>(inputs: AttentionInputs<B>) -> Attended<B> {
    let AttentionInputs { q, k, v, visible } = inputs;
    let most = Pieces::MOST_BYTES / q.dtype().size();
    Attended {
        out: forward_in_pieces::<B>([q, k, v], visible, most),
        kept: Kept::Nothing,
    }
}

/// [`forward`] in pieces of at most `most` scores, or of one query of one group of heads where that has more.
fn forward_in_pieces<B: Scores>(
    inputs: [FloatTensor<B>; 3],
    visible: IntTensor<B>,
    most: usize,
) -> FloatTensor<B> {
    let sizes = Sizes::new(&inputs[0], &inputs[1]);
    let pieces = Pieces::of(sizes, most);
    let [out] = joined::<B, 1>(0, stretches(sizes.rows, pieces.rows), |rows| {
        let visible = stretch_of_bounds::<B>(visible.clone(), 0, &rows);
        let inputs = inputs.clone().map(|x| stretch::<B>(x, 0, &rows));
        joined::<B, 1>(1, stretches(sizes.kv_heads, pieces.kv_heads), |heads| {
            let [q, k, v] = of_heads::<B>(inputs.clone(), sizes.group(), &heads);
            joined::<B, 1>(2, stretches(sizes.tokens, pieces.tokens), |tokens| {
                let visible = stretch_of_bounds::<B>(visible.clone(), 1, &tokens);
                let q = stretch::<B>(q.clone(), 2, &tokens);
                let piece = Piece::<B>::new([q, k.clone(), v.clone()], visible);
                [piece.forward()]
            })
        })
    });
    out
}

/// The gradients of queries, keys and values.
pub(crate) fn backward<B: Scores>(
    dy: FloatTensor<B>,
    inputs: AttentionInputs<B>,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let AttentionInputs { q, k, v, visible } = inputs;
    let most = Pieces::MOST_BYTES / q.dtype().size();
    let [dq, dk, dv] = backward_in_pieces::<B>(dy, [q, k, v], visible, most);
    (dq, dk, dv)
}

/// [`backward`] in pieces as of [`forward_in_pieces`].
fn backward_in_pieces<B: Scores>(
    dy: FloatTensor<B>,
    inputs: [FloatTensor<B>; 3],
    visible: IntTensor<B>,
    most: usize,
) -> [FloatTensor<B>; 3] {
    let sizes = Sizes::new(&inputs[0], &inputs[1]);
    let pieces = Pieces::of(sizes, most);
    joined::<B, 3>(0, stretches(sizes.rows, pieces.rows), |rows| {
        let visible = stretch_of_bounds::<B>(visible.clone(), 0, &rows);
        let dy = stretch::<B>(dy.clone(), 0, &rows);
        let inputs = inputs.clone().map(|x| stretch::<B>(x, 0, &rows));
        joined::<B, 3>(1, stretches(sizes.kv_heads, pieces.kv_heads), |heads| {
            let query_heads = heads.start * sizes.group()..heads.end * sizes.group();
            let dy = stretch::<B>(dy.clone(), 1, &query_heads);
            let inputs = of_heads::<B>(inputs.clone(), sizes.group(), &heads);
            of_queries::<B>(dy, inputs, visible.clone(), pieces.tokens)
        })
    })
}

/// The gradients of some heads: those of keys and values are the sums over pieces of queries.
fn of_queries<B: Scores>(
    dy: FloatTensor<B>,
    [q, k, v]: [FloatTensor<B>; 3],
    visible: IntTensor<B>,
    at_once: usize,
) -> [FloatTensor<B>; 3] {
    let mut sums: Option<[FloatTensor<B>; 2]> = None;
    let tokens = dims::<4>(&q)[2];
    let [dq] = joined::<B, 1>(2, stretches(tokens, at_once), |tokens| {
        let visible = stretch_of_bounds::<B>(visible.clone(), 1, &tokens);
        let [q, dy] = [&q, &dy].map(|x| stretch::<B>(x.clone(), 2, &tokens));
        let piece = Piece::<B>::new([q, k.clone(), v.clone()], visible);
        let [dq, dk, dv] = piece.backward(dy);
        sums = Some(match sums.take() {
            None => [dk, dv],
            Some([k, v]) => [B::float_add(k, dk), B::float_add(v, dv)],
        });
        [dq]
    });
    // There is a piece of at least one query; without queries nothing moves keys and values.
    let [dk, dv] = sums.unwrap_or_else(|| [k, v].map(|x| B::float_mul_scalar(x, 0.0.into())));
    [dq, dk, dv]
}

/// Queries, keys and values of some key heads.
fn of_heads<B: Backend>(
    [q, k, v]: [FloatTensor<B>; 3],
    group: usize,
    heads: &std::ops::Range<usize>,
) -> [FloatTensor<B>; 3] {
    let queries = heads.start * group..heads.end * group;
    let [k, v] = [k, v].map(|x| stretch::<B>(x, 1, heads));
    [stretch::<B>(q, 1, &queries), k, v]
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::backend::Flex;
    use burn::backend::ops::{FloatTensorOps, IntTensorOps};
    use burn::tensor::TensorData;
    use burn_flex::FlexDevice;

    use super::*;

    type Floats = FloatTensor<Flex>;

    fn drawn(shape: [usize; 4], seed: u64) -> Floats {
        let value = |at: u64| ((at * 7919 + seed * 104_729) % 2003) as f64 / 1000.0 - 1.0;
        let count = shape.iter().product::<usize>() as u64;
        let values: Vec<f64> = (0..count).map(value).collect();
        Flex::float_from_data(TensorData::new(values, shape), &FlexDevice)
    }

    fn values(x: &Floats) -> Vec<f64> {
        x.clone().into_data().iter::<f64>().collect()
    }

    fn same(found: &Floats, expected: &Floats) {
        assert_eq!(dims::<4>(found), dims::<4>(expected));
        for (found, expected) in values(found).iter().zip(values(expected)) {
            assert!((found - expected).abs() < 1e-12, "{found}, {expected}");
        }
    }

    /// A GPU's buffers are bounded: pieces of the scores, down to those of single queries, have the numbers of the
    /// whole, in both directions.
    #[test]
    fn pieces_are_the_whole() {
        let (rows, kv_heads, group, tokens, past) = (3, 2, 2, 7, 4);
        let keys = past + tokens;
        let of_queries = [rows, kv_heads * group, tokens, 8];
        let inputs = [
            drawn(of_queries, 1),
            drawn([rows, kv_heads, keys, 8], 2),
            drawn([rows, kv_heads, keys, 8], 3),
        ];
        let dy = drawn(of_queries, 4);
        let of_head = tokens * group * keys;
        for of_rows in [1, rows] {
            let bound = |at: usize| [at / tokens % 3, past + at % tokens + 1];
            let bounds = (0..of_rows * tokens).flat_map(bound);
            let bounds: Vec<i32> = bounds.filter_map(|at| i32::try_from(at).ok()).collect();
            let data = TensorData::new(bounds, [of_rows, tokens, 2]);
            let visible = Flex::int_from_data(data, &FlexDevice);
            let whole = forward_in_pieces::<Flex>(inputs.clone(), visible.clone(), usize::MAX);
            let backward = |most| {
                backward_in_pieces::<Flex>(dy.clone(), inputs.clone(), visible.clone(), most)
            };
            let gradients = backward(usize::MAX);
            for most in [2 * kv_heads * of_head, of_head, 3 * group * keys, 1] {
                same(
                    &forward_in_pieces::<Flex>(inputs.clone(), visible.clone(), most),
                    &whole,
                );
                for (found, expected) in backward(most).iter().zip(&gradients) {
                    same(found, expected);
                }
            }
        }
    }
}
