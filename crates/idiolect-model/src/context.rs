//! Where the tokens of a batch stand and what each may see: rotary angles, masks, and for rows in a cache
//! who attends with whom; made once a pass.
//!
//! A batch without a cache is padded on the right, which needs no mask: a real token never sees what follows
//! it.
//! With a cache rows differ in length, and the new tokens of all of them are put in one line, so that nothing
//! but attention knows rows.
//! Rows with a few new tokens attend together, filled up to the most of them; a row with many, which is a
//! prompt, attends alone.

use std::ops::Range;
use std::slice;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::rope::{Angles, Rope};

/// Added to a score that must not count. Finite, so that a query that sees nothing stays finite too.
const HIDDEN: f32 = -1e30;

/// Rotary angles and mask of one pass; every block uses the same.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) angles: Angles,
    /// `[1 or rows, 1, tokens, tokens]` in f32; `None` where every token sees every key. Not for a pass with a
    /// cache.
    pub(crate) mask: Option<Tensor<4>>,
    /// Who attends with whom in a pass with a cache.
    pub(crate) plan: Plan,
}

impl Context {
    /// Rows that all begin at position 0 and may be padded on the right.
    #[must_use]
    pub fn right_padded(
        rope: &Rope,
        tokens: usize,
        window: Option<usize>,
        device: &Device,
    ) -> Self {
        let positions: Vec<usize> = (0..tokens).collect();
        Self {
            angles: rope.angles(&positions, 1, device),
            mask: mask(
                slice::from_ref(&(0..tokens)),
                tokens,
                tokens,
                window,
                device,
            ),
            plan: Plan::default(),
        }
    }

    /// Rows in which several sequences stand one after the other, `parts` their lengths: each begins
    /// at position 0 and sees itself alone. What is left of a row is padding.
    ///
    /// # Panics
    ///
    /// If the parts of a row are longer than `tokens`.
    #[must_use]
    pub fn packed(
        rope: &Rope,
        parts: &[Vec<usize>],
        tokens: usize,
        window: Option<usize>,
        device: &Device,
    ) -> Self {
        let mut positions = Vec::with_capacity(parts.len() * tokens);
        let mut values = vec![HIDDEN; parts.len() * tokens * tokens];
        let mut lines = values.chunks_exact_mut(tokens.max(1));
        for parts in parts {
            let filled: usize = parts.iter().sum();
            assert!(filled <= tokens, "{filled} tokens in a row of {tokens}");
            let mut start = 0;
            for length in parts.iter().copied().chain([tokens - filled]) {
                for (at, line) in (0..length).zip(&mut lines) {
                    let first = window.map_or(0, |window| (at + 1).saturating_sub(window));
                    line[start + first..=start + at].fill(0.0);
                    positions.push(at);
                }
                start += length;
            }
        }
        let data = TensorData::new(values, [parts.len(), 1, tokens, tokens]);
        Self {
            angles: rope.angles(&positions, parts.len(), device),
            mask: Some(Tensor::from_data(data, (device, DType::F32))),
            plan: Plan::default(),
        }
    }

    /// A line of new tokens of rows in a cache.
    pub(crate) fn cached(rope: &Rope, line: &Line, device: &Device) -> Self {
        Self {
            angles: rope.angles(&line.positions, 1, device),
            mask: None,
            plan: line.plan.clone(),
        }
    }
}

/// What the queries at `rows`, a range of positions for each row, see of `keys` keys that begin at
/// position 0; `None` where all see all.
///
/// A row with fewer than `queries` is filled up with queries that see the first key alone.
pub(crate) fn mask(
    rows: &[Range<usize>],
    queries: usize,
    keys: usize,
    window: Option<usize>,
    device: &Device,
) -> Option<Tensor<4>> {
    let whole = |row: &Range<usize>| row.len() == 1 && row.end == keys;
    let sees_all =
        queries == 1 && rows.iter().all(whole) && window.is_none_or(|window| keys <= window);
    if sees_all {
        return None;
    }
    let mut values = vec![HIDDEN; rows.len() * queries * keys];
    let mut lines = values.chunks_exact_mut(keys);
    for row in rows {
        for query in 0..queries {
            let at = row.clone().nth(query).unwrap_or(0);
            let first = window.map_or(0, |window| (at + 1).saturating_sub(window));
            // Lines are counted from the same numbers as the chunks, so none is missing.
            if let Some(seen) = lines.next().and_then(|line| line.get_mut(first..=at)) {
                seen.fill(0.0);
            }
        }
    }
    let data = TensorData::new(values, [rows.len(), 1, queries, keys]);
    Some(Tensor::from_data(data, (device, DType::F32)))
}

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
