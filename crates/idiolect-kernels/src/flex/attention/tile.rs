//! A tile of queries in both directions of attention: it is copied, with its keys and its mask, into padded
//! scratch memory, and the keys that it sees are found.

use std::cell::RefCell;
use std::ops::Range;

use burn_flex::FlexTensor;

use super::matrix::pad;
use crate::extension::attention::Sizes;
use crate::flex::buffer::{dense, dims, readable};

impl Sizes {
    /// Queries of a tile; its scores stay in a core's cache.
    pub(super) fn tile(&self) -> usize {
        ((1 << 16) / pad(self.keys) / 4 * 4).clamp(16, 32)
    }

    /// The factor of scores.
    pub(super) fn scale(&self) -> f32 {
        (self.width as f32).sqrt().recip()
    }
}

/// The inputs of attention as tensors whose rows can be read.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    pub(super) q: FlexTensor,
    pub(super) k: FlexTensor,
    pub(super) v: FlexTensor,
    pub(super) visible: FlexTensor,
}

/// What the forward pass returns.
pub(crate) struct Attended {
    /// `[rows, heads, tokens, width]`.
    pub(crate) out: FlexTensor,
    /// Maximum and inverse sum of each row of scores, `[rows, tokens, heads, 2]`.
    pub(crate) sums: FlexTensor,
}

impl Inputs {
    pub(crate) fn new([q, k, v]: [FlexTensor; 3], visible: FlexTensor) -> Self {
        Self {
            q: readable(q),
            k: readable(k),
            v: readable(v),
            visible: dense(visible),
        }
    }
}

/// The keys of a tile: whole vectors that include every visible key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) fn range(self) -> Range<usize> {
        self.start..self.end
    }

    pub(super) fn width(self) -> usize {
        self.end - self.start
    }
}

/// The keys that queries see, of one call.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    /// The first key and the one behind the last, query by query.
    bounds: &'a [[i32; 2]],
    /// Whether all rows have the queries of the first.
    is_shared: bool,
    tokens: usize,
    keys: usize,
}

impl<'a> Seen<'a> {
    /// Of bounds `[rows or 1, tokens, 2]`, dense.
    pub(super) fn new(visible: &'a FlexTensor, sizes: Sizes) -> Self {
        Self {
            bounds: visible.storage::<i32>().as_chunks().0,
            is_shared: dims::<3>(visible)[0] == 1,
            tokens: sizes.tokens,
            keys: sizes.keys,
        }
    }

    /// The keys that a query of a row sees.
    fn of(self, row: usize, query: usize) -> Range<usize> {
        let row = if self.is_shared { 0 } else { row };
        let bound = |bound: i32| usize::try_from(bound).unwrap_or(0).min(self.keys);
        let [first, end] = self.bounds[row * self.tokens + query];
        bound(first)..bound(end)
    }
}

/// Writes what is added to the scores of some queries, 0 or minus infinity, and returns the keys they see.
///
/// `out` gets `queries` rows of the span's width.
pub(super) fn copy_mask(
    out: &mut Vec<f32>,
    seen: Seen<'_>,
    row: usize,
    queries: Range<usize>,
) -> Span {
    let of_queries = || queries.clone().map(|query| seen.of(row, query));
    let (start, end) = of_queries().fold((seen.keys, 0), |all, one| {
        (all.0.min(one.start), all.1.max(one.end))
    });
    let span = Span {
        start: start / 16 * 16,
        end: pad(end),
    };
    out.clear();
    for keys in of_queries() {
        let begun = out.len();
        out.resize(begun + span.width(), f32::NEG_INFINITY);
        out[begun + keys.start - span.start..begun + keys.end - span.start].fill(0.0);
    }
    span
}

/// Copies rows into a padded matrix, times `scale`.
pub(super) fn copy_rows<'a>(
    out: &mut Vec<f32>,
    rows: impl Iterator<Item = &'a [f32]>,
    padded: usize,
    scale: f32,
) {
    out.clear();
    for row in rows {
        out.extend(row.iter().map(|value| value * scale));
        out.resize(out.len().next_multiple_of(padded), 0.0);
    }
}

/// Writes rows as columns; the rest of `out` is zero.
pub(super) fn copy_columns<'a>(
    out: &mut [f32],
    padded: usize,
    count: usize,
    row: impl Fn(usize) -> &'a [f32],
) {
    out.fill(0.0);
    // Sixteen rows at a time fill a cache line of the result.
    for first in (0..count).step_by(16) {
        let rows: [&[f32]; 16] = std::array::from_fn(|i| row((first + i).min(count - 1)));
        let used = (count - first).min(16);
        let width = rows[0].len();
        for (column, out) in out.chunks_exact_mut(padded).take(width).enumerate() {
            for (out, row) in out[first..].iter_mut().zip(&rows[..used]) {
                *out = row[column];
            }
        }
    }
}

/// Memory of a thread that all tiles and all calls use.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) mask: Vec<f32>,
    pub(super) q: Vec<f32>,
    pub(super) dy: Vec<f32>,
    pub(super) scores: Vec<f32>,
    pub(super) gradients: Vec<f32>,
    pub(super) out: Vec<f32>,
    pub(super) k: Vec<f32>,
    pub(super) k_columns: Vec<f32>,
    pub(super) v_columns: Vec<f32>,
    pub(super) dk: Vec<f32>,
    pub(super) dv: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Runs a task with the thread's scratch memory; `task` must not start other tasks.
pub(super) fn with_scratch<T>(task: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with_borrow_mut(task)
}

/// The first `length` values of a vector, which grows where it is shorter and never shrinks.
pub(super) fn room(vector: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if vector.len() < length {
        vector.resize(length, 0.0);
    }
    &mut vector[..length]
}
