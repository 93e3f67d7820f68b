//! The layout of a pass with a KV cache: where new tokens go, and which rows attend together.
//!
//! Rows with few new tokens attend together, each padded to the most of them; a row with many, which is a
//! prompt, attends alone.

use std::ops::Range;

use burn::tensor::{Device, Int, Tensor, TensorData};
use idiolect_kernels::{CachePlaces, CacheWrite, Visible};

use super::seen::seen;
use crate::rope::Position;

/// The most new tokens of a row that attends together with others.
const FEW: usize = 16;

/// What one row adds in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewTokens<'a> {
    /// The row, below the number given to [`crate::Session::new`].
    pub row: usize,
    /// Tokens of the row that stay; those behind them are forgotten.
    pub kept: usize,
    /// Tokens that follow those, at least one.
    pub tokens: &'a [u32],
    /// For how many of the last of `tokens` the logits of the next token are wanted.
    pub wanted: usize,
}

impl NewTokens<'_> {
    fn positions(&self) -> Range<usize> {
        self.kept..self.kept + self.tokens.len()
    }
}

/// Which tokens are written to the cache, and which rows attend together; the same for every block.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) places: CachePlaces,
    pub(crate) groups: Vec<Group>,
}

/// Rows that attend together.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Their rows in the cache.
    pub(crate) rows: Range<usize>,
    /// Their tokens in the pass.
    pub(crate) tokens: Range<usize>,
    /// Queries of each row.
    pub(crate) queries: usize,
    /// Keys of each row.
    pub(crate) keys: usize,
    pub(crate) visible: Visible,
    /// `None` where each token is a query and each query a token.
    pub(crate) padding: Option<Padding>,
}

/// How tokens become queries of rows of one length, and queries tokens again.
#[derive(Debug, Clone)]
pub(crate) struct Padding {
    /// The token of each query, counted from the first of the group.
    pub(crate) to_queries: Tensor<1, Int>,
    /// The query of each token.
    pub(crate) to_tokens: Tensor<1, Int>,
}

/// The tokens of a pass as one sequence, and for which of them logits are wanted.
pub(crate) struct PassLayout {
    pub(crate) ids: Vec<i64>,
    pub(crate) positions: Vec<Position>,
    /// Tokens of the pass, part by part in the caller's order.
    pub(crate) wanted: Vec<usize>,
    /// Whose tokens they are, in the order in which they stand.
    pub(crate) writes: Vec<CacheWrite>,
    pub(crate) plan: Plan,
}

impl PassLayout {
    /// `parts` are in ascending order of rows; `begun` is the length with which each row of the session began;
    /// `window` is how many keys a token sees, `None` for all.
    pub(crate) fn new(
        parts: &[NewTokens<'_>],
        begun: &[usize],
        window: Option<usize>,
        device: &Device,
    ) -> Self {
        let (few, many): (Vec<&NewTokens<'_>>, Vec<&NewTokens<'_>>) =
            parts.iter().partition(|p| p.tokens.len() <= FEW);
        let in_order = || few.iter().chain(&many).copied();
        let writes = writes(in_order());
        let (together, alone) = writes.split_at(few.len());
        let together = (!few.is_empty()).then_some(together);
        let sets = together.into_iter().chain(alone.chunks(1));
        let groups = sets.map(|set| Group::new(set, window, device)).collect();
        let ids = in_order().flat_map(|part| part.tokens);
        let positions = writes.iter().flat_map(|write| {
            let of = begun.get(write.row).copied().unwrap_or(0);
            write.positions.clone().map(move |at| Position { at, of })
        });
        Self {
            ids: ids.map(|id| i64::from(*id)).collect(),
            positions: positions.collect(),
            wanted: wanted(parts, &writes),
            plan: Plan {
                places: CachePlaces::new(writes.clone(), device),
                groups,
            },
            writes,
        }
    }
}

/// Where the tokens of parts go that follow one another in the pass.
fn writes<'a>(parts: impl Iterator<Item = &'a NewTokens<'a>>) -> Vec<CacheWrite> {
    let mut end = 0;
    let write = |part: &NewTokens<'_>| {
        let tokens = end..end + part.tokens.len();
        end = tokens.end;
        CacheWrite {
            row: part.row,
            tokens,
            positions: part.positions(),
        }
    };
    parts.map(write).collect()
}

/// The tokens of the pass whose logits are wanted, part by part.
fn wanted(parts: &[NewTokens<'_>], writes: &[CacheWrite]) -> Vec<usize> {
    let end_of = |part: &NewTokens<'_>| {
        let of_row = writes.iter().find(|write| write.row == part.row)?;
        Some(of_row.tokens.end)
    };
    let ends = parts
        .iter()
        .filter_map(|part| Some((part.wanted, end_of(part)?)));
    ends.flat_map(|(wanted, end)| end - wanted..end).collect()
}

impl Group {
    /// Rows in ascending order, at least one, whose tokens follow one another in the pass.
    fn new(writes: &[CacheWrite], window: Option<usize>, device: &Device) -> Self {
        let (first, last) = (&writes[0], &writes[writes.len() - 1]);
        let rows = first.row..last.row + 1;
        let ends = writes.iter().map(|write| write.positions.end);
        let counts = writes.iter().map(|write| write.tokens.len());
        let queries = counts.max().unwrap_or(0);
        // Rows between them that add nothing are computed too, and dropped.
        let mut positions = vec![0..0; rows.len()];
        for write in writes {
            positions[write.row - rows.start] = write.positions.clone();
        }
        Self {
            visible: Visible::new(&seen(&positions, queries, window), rows.len(), device),
            padding: Padding::new(writes, queries, device),
            tokens: first.tokens.start..last.tokens.end,
            rows,
            queries,
            keys: ends.max().unwrap_or(0),
        }
    }
}

impl Padding {
    /// The padding of the rows of a group to `queries` queries each; `None` where nothing is padded.
    fn new(writes: &[CacheWrite], queries: usize, device: &Device) -> Option<Self> {
        let (first, last) = (&writes[0], &writes[writes.len() - 1]);
        let count = last.tokens.end - first.tokens.start;
        let mut token_of = vec![0; (last.row + 1 - first.row) * queries];
        let mut query_of = Vec::with_capacity(count);
        for write in writes {
            let first_query = (write.row - first.row) * queries;
            for (i, token) in write.tokens.clone().enumerate() {
                token_of[first_query + i] = token - first.tokens.start;
                query_of.push(first_query + i);
            }
        }
        (token_of != query_of).then(|| Self {
            to_queries: index(&token_of, device),
            to_tokens: index(&query_of, device),
        })
    }
}

/// Numbers of rows or tokens as an index tensor.
pub(crate) fn index(numbers: &[usize], device: &Device) -> Tensor<1, Int> {
    let numbers = numbers.iter().filter_map(|n| i64::try_from(*n).ok());
    let numbers: Vec<i64> = numbers.collect();
    let count = numbers.len();
    Tensor::from_data(TensorData::new(numbers, [count]), device)
}
