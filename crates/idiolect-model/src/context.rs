//! Where the tokens of a batch stand and what each may see: rotary angles and mask, made once a pass.
//!
//! Padding on the right needs no mask: a real token never sees what follows it.

use std::ops::Range;
use std::slice;

use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::plan::{Line, Plan};
use crate::rope::{Angles, Rope};

/// Added to a score that must not count. Finite, so that a query that sees nothing stays finite too.
const HIDDEN: f32 = -1e30;

/// Rotary angles and mask of one pass; every block uses the same.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) angles: Angles,
    /// `[1, 1, tokens, tokens]` in f32; `None` where every token sees every key. Not for a pass with a
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
