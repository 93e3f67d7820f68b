//! Rows side by side, padded on the right.

use crate::{IGNORE, TokenRow};

/// Rows of tokens in one rectangle, row after row.
///
/// Padding is known by `lengths`, never by its id, which may be the end token's too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBatch {
    /// Number of rows.
    pub rows: usize,
    /// Tokens of the longest row.
    pub width: usize,
    /// Token ids, `rows * width` of them.
    pub input_ids: Vec<u32>,
    /// Labels beside their ids, [`IGNORE`] on padding.
    pub labels: Vec<i64>,
    /// Tokens of each row before its padding.
    pub lengths: Vec<usize>,
}

impl TokenBatch {
    /// The rows, each padded with `pad_id` to the longest.
    /// A label that is missing counts as [`IGNORE`], one too many is dropped: see
    /// [`TokenRow::check`].
    #[must_use]
    pub fn new(rows: &[&TokenRow], pad_id: u32) -> Self {
        let lengths: Vec<usize> = rows.iter().map(|row| row.input_ids.len()).collect();
        let width = lengths.iter().copied().max().unwrap_or(0);
        let mut batch = Self {
            rows: rows.len(),
            width,
            input_ids: Vec::with_capacity(rows.len() * width),
            labels: Vec::with_capacity(rows.len() * width),
            lengths,
        };
        for (at, row) in rows.iter().enumerate() {
            batch.input_ids.extend(&row.input_ids);
            batch.input_ids.resize((at + 1) * width, pad_id);
            batch
                .labels
                .extend(row.labels.iter().take(row.input_ids.len()));
            batch.labels.resize((at + 1) * width, IGNORE);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_right_and_never_trained() {
        let row = |ids: &[u32], labels: &[i64]| TokenRow {
            id: 0.into(),
            input_ids: ids.to_vec(),
            labels: labels.to_vec(),
        };
        let (long, short) = (row(&[5, 6, 2], &[IGNORE, 6, 2]), row(&[7, 2], &[IGNORE, 2]));
        let batch = TokenBatch::new(&[&long, &short], 2);
        assert_eq!((batch.rows, batch.width, batch.lengths), (2, 3, vec![3, 2]));
        assert_eq!(batch.input_ids, [5, 6, 2, 7, 2, 2]);
        assert_eq!(batch.labels, [IGNORE, 6, 2, IGNORE, 2, IGNORE]);
        let empty = TokenBatch::new(&[], 2);
        assert_eq!((empty.rows, empty.width, empty.input_ids.len()), (0, 0, 0));
    }
}
