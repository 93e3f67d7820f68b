//! One pass over rows of unequal lengths: the new tokens of all rows in one line, so that nothing but
//! attention knows rows, and for attention which of them are computed together.
//!
//! Rows with a few new tokens attend together, padded to the most of them; a row with many, which is a
//! prompt, attends alone.

use std::ops::Range;

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::context::mask;

/// New tokens of a row that are few.
const FEW: usize = 16;

/// What one row adds in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The row, below the number given to [`crate::Session::new`].
    pub row: usize,
    /// Tokens of the row that stay; those behind them are forgotten.
    pub kept: usize,
    /// Tokens that follow those, at least one.
    pub tokens: &'a [u32],
    /// Scores are wanted after each of the last `wanted` of `tokens`.
    pub wanted: usize,
}

impl Part<'_> {
    fn positions(&self) -> Range<usize> {
        self.kept..self.kept + self.tokens.len()
    }
}

/// Where the tokens of a pass go, and who attends with whom; the same for every block.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) writes: Vec<Write>,
    pub(crate) runs: Vec<Run>,
}

/// New tokens of one row in the cache.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) row: usize,
    /// Where they stand in the line of the pass.
    pub(crate) line: Range<usize>,
    /// Where they go.
    pub(crate) positions: Range<usize>,
}

/// Rows that attend together.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// Their place in the cache.
    pub(crate) rows: Range<usize>,
    /// Their tokens in the line of the pass.
    pub(crate) line: Range<usize>,
    /// Queries of each row.
    pub(crate) queries: usize,
    /// Keys that are looked at.
    pub(crate) keys: usize,
    pub(crate) mask: Option<Tensor<4>>,
    /// The token of `line` for each query, and the query of each token; `None` where they are the same.
    pub(crate) spread: Option<[Tensor<1, Int>; 2]>,
}

/// A pass laid out: the line of its tokens, and where in it scores are wanted.
pub(crate) struct Line {
    pub(crate) ids: Vec<i64>,
    pub(crate) positions: Vec<usize>,
    /// Places in the line, part by part in the caller's order.
    pub(crate) wanted: Vec<usize>,
    pub(crate) plan: Plan,
}

impl Line {
    /// `parts` are in ascending order of rows.
    pub(crate) fn new(parts: &[Part<'_>], window: Option<usize>, device: &Device) -> Self {
        let (few, many): (Vec<&Part<'_>>, Vec<&Part<'_>>) =
            parts.iter().partition(|p| p.tokens.len() <= FEW);
        let mut plan = Plan::default();
        let mut end = 0;
        for part in few.iter().chain(&many) {
            let line = end..end + part.tokens.len();
            end = line.end;
            plan.writes.push(Write {
                row: part.row,
                line,
                positions: part.positions(),
            });
        }
        let (together, alone) = plan.writes.split_at(few.len());
        let together = (!few.is_empty()).then_some(together);
        let sets = together.into_iter().chain(alone.chunks(1));
        plan.runs = sets.map(|set| Run::new(set, window, device)).collect();
        let line = |part: &Part<'_>| plan.writes.iter().find(|write| write.row == part.row);
        let ends = parts
            .iter()
            .filter_map(|part| Some((part.wanted, line(part)?.line.end)));
        Self {
            ids: few
                .iter()
                .chain(&many)
                .flat_map(|p| p.tokens)
                .map(|id| i64::from(*id))
                .collect(),
            positions: plan
                .writes
                .iter()
                .flat_map(|write| write.positions.clone())
                .collect(),
            wanted: ends.flat_map(|(wanted, end)| end - wanted..end).collect(),
            plan,
        }
    }
}

impl Run {
    /// Rows in ascending order, at least one, whose tokens follow one another in the line.
    fn new(writes: &[Write], window: Option<usize>, device: &Device) -> Self {
        let (first, last) = (&writes[0], &writes[writes.len() - 1]);
        let rows = first.row..last.row + 1;
        let line = first.line.start..last.line.end;
        let keys = writes
            .iter()
            .map(|write| write.positions.end)
            .max()
            .unwrap_or(0);
        let queries = writes
            .iter()
            .map(|write| write.line.len())
            .max()
            .unwrap_or(0);
        // Rows between them that add nothing are computed too, and dropped.
        let mut positions = vec![0..0; rows.len()];
        let mut from = vec![0; rows.len() * queries];
        let mut back = Vec::with_capacity(line.len());
        for write in writes {
            let first = (write.row - rows.start) * queries;
            positions[write.row - rows.start] = write.positions.clone();
            for (i, token) in write.line.clone().enumerate() {
                from[first + i] = token - line.start;
                back.push(first + i);
            }
        }
        Self {
            mask: mask(&positions, queries, keys, window, device),
            spread: (from != back).then(|| [index(&from, device), index(&back, device)]),
            rows,
            line,
            queries,
            keys,
        }
    }
}

/// Places as an index tensor.
pub(crate) fn index(places: &[usize], device: &Device) -> Tensor<1, Int> {
    let places = places.iter().filter_map(|place| i64::try_from(*place).ok());
    let places: Vec<i64> = places.collect();
    let count = places.len();
    Tensor::from_data(TensorData::new(places, [count]), device)
}
