//! Which keys a query may see, as numbers that are added to attention scores.

use std::ops::Range;

use burn::tensor::{DType, Device, Tensor, TensorData};

/// Added to the attention score of a key that must not be seen. It is finite, so that the softmax of a query
/// that sees nothing is finite too.
pub(super) const HIDDEN: f32 = -1e30;

/// The size of a mask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visible {
    /// Queries of each row.
    pub(super) queries: usize,
    /// Keys of each row.
    pub(super) keys: usize,
    /// Keys that a query sees, itself included; `None` for all.
    pub(super) window: Option<usize>,
}

/// The mask `[rows, 1, queries, keys]` in f32 of queries at `rows`, a range of positions for each row, whose
/// keys begin at position 0; `None` where every query sees every key.
///
/// A row with fewer queries than `queries` is filled up with ones that see the first key alone.
pub(super) fn mask(rows: &[Range<usize>], visible: Visible, device: &Device) -> Option<Tensor<4>> {
    if sees_all(rows, visible) {
        return None;
    }
    let Visible {
        queries,
        keys,
        window,
    } = visible;
    let mut values = vec![HIDDEN; rows.len() * queries * keys];
    let mut masks = values.chunks_exact_mut(keys);
    for row in rows {
        for query in 0..queries {
            let at = row.clone().nth(query).unwrap_or(0);
            let first = window.map_or(0, |window| (at + 1).saturating_sub(window));
            // There is one chunk for each query of each row, so none is missing.
            if let Some(seen) = masks.next().and_then(|mask| mask.get_mut(first..=at)) {
                seen.fill(0.0);
            }
        }
    }
    let data = TensorData::new(values, [rows.len(), 1, queries, keys]);
    Some(Tensor::from_data(data, (device, DType::F32)))
}

/// Whether each row has one query, which is its last token, and no window hides a key from it.
fn sees_all(rows: &[Range<usize>], visible: Visible) -> bool {
    let is_last = |row: &Range<usize>| row.len() == 1 && row.end == visible.keys;
    visible.queries == 1
        && rows.iter().all(is_last)
        && visible.window.is_none_or(|window| visible.keys <= window)
}
