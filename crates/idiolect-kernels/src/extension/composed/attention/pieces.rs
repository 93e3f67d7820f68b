//! Pieces of attention whose scores fit into one buffer of a GPU.
//!
//! A GPU lends a bounded buffer: a quarter of its memory under CUDA, 2 GiB under Vulkan. The scores of 32 heads and
//! 4 x 2,048 tokens take 2 GiB in f32. Rows, groups of heads and queries do not depend on each other, so a piece of
//! them has the same numbers alone.

use std::ops::Range;

use burn::backend::Backend;
use burn::backend::tensor::{FloatTensor, IntTensor};

use crate::extension::attention::Sizes;
use crate::extension::composed::{dims, part};

/// How many rows, heads of keys, and queries are computed together.
#[derive(Debug, PartialEq)]
pub(super) struct Pieces {
    pub(super) rows: usize,
    pub(super) kv_heads: usize,
    pub(super) tokens: usize,
}

impl Pieces {
    /// The most bytes that the scores of a piece take.
    pub(super) const MOST_BYTES: usize = 256 << 20;

    /// Whole rows where one fits into `most` scores, else whole heads, else queries.
    pub(super) fn of(sizes: Sizes, most: usize) -> Self {
        let Sizes {
            rows,
            kv_heads,
            tokens,
            keys,
            ..
        } = sizes;
        let of_query = sizes.group() * keys;
        let (head, row) = (tokens * of_query, kv_heads * tokens * of_query);
        let fitting = |scores: usize, all: usize| (most / scores.max(1)).clamp(1, all.max(1));
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
                fitting(of_query, tokens)
            },
        }
    }
}

/// Stretches of at most `at_once` of a length, at least one.
pub(super) fn stretches(length: usize, at_once: usize) -> Vec<Range<usize>> {
    let starts = (0..length.max(1)).step_by(at_once.max(1));
    starts
        .map(|start| start..length.min(start + at_once.max(1)))
        .collect()
}

/// The tensors that a function gives for each stretch, joined along an axis.
pub(super) fn joined<B: Backend, const N: usize>(
    axis: usize,
    stretches: Vec<Range<usize>>,
    mut of: impl FnMut(Range<usize>) -> [FloatTensor<B>; N],
) -> [FloatTensor<B>; N] {
    let mut parts = [const { Vec::new() }; N];
    for stretch in stretches {
        for (parts, part) in parts.iter_mut().zip(of(stretch)) {
            parts.push(part);
        }
    }
    parts.map(|mut parts| {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        B::float_cat(parts, axis)
    })
}

/// A stretch of an axis; the tensor itself where that is all of it.
pub(super) fn stretch<B: Backend>(
    x: FloatTensor<B>,
    axis: usize,
    range: &Range<usize>,
) -> FloatTensor<B> {
    let dims = dims::<4>(&x);
    if range.len() == dims[axis] {
        return x;
    }
    B::float_slice(x, &part(dims, axis, range.clone()))
}

/// The bounds of a stretch of rows or of queries; one row of them serves every row.
pub(super) fn stretch_of_bounds<B: Backend>(
    visible: IntTensor<B>,
    axis: usize,
    range: &Range<usize>,
) -> IntTensor<B> {
    let dims = dims::<3>(&visible);
    if range.len() == dims[axis] || dims[axis] == 1 {
        return visible;
    }
    B::int_slice(visible, &part(dims, axis, range.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_rows_then_heads_then_queries() {
        let sizes = |rows, heads, kv_heads, tokens, keys| Sizes {
            rows,
            heads,
            kv_heads,
            tokens,
            keys,
            width: 1,
        };
        let piece = |most| Pieces::of(sizes(4, 4, 2, 10, 10), most);
        let of = |rows, kv_heads, tokens| Pieces {
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
        let most = Pieces::MOST_BYTES / 4;
        assert_eq!(
            Pieces::of(sizes(4, 32, 32, 2048, 2048), most),
            of(1, 16, 2048)
        );
    }
}
