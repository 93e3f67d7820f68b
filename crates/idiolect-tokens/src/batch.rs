//! Rows of tokens as a rectangle, padded on the right; with sequence packing short examples share a row.

use crate::{IGNORE, TokenRow};

/// A batch: rows of tokens in one rectangle, row after row.
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
    /// Numbers of the teacher's distributions beside their ids, 0 where there is none; empty where no row has any.
    pub teacher: Vec<u64>,
    /// Tokens of each row before its padding.
    pub lengths: Vec<usize>,
    /// With sequence packing, the lengths of the examples of each row, in their order. It is empty where every row
    /// holds one example: such a batch needs neither a mask nor other positions.
    pub packed_lengths: Vec<Vec<usize>>,
}

/// Sequence packing: divides examples of these lengths, in their order, into rows of at most `capacity` tokens.
/// Returns, for each row, the number of the example behind its last. An example that is longer has a row of its own.
///
/// A row takes as many examples as fit, so no other division of the same order needs fewer rows.
#[must_use]
pub fn pack(lengths: impl IntoIterator<Item = usize>, capacity: usize) -> Vec<usize> {
    let (mut ends, mut filled, mut count) = (Vec::new(), 0, 0);
    for length in lengths {
        if count > 0 && filled + length > capacity {
            ends.push(count);
            filled = 0;
        }
        filled += length;
        count += 1;
    }
    if count > 0 {
        ends.push(count);
    }
    ends
}

impl TokenBatch {
    /// The rows, each padded with `pad_id` to the longest.
    /// A missing label counts as [`IGNORE`], and labels without an id are dropped; [`TokenRow::check`] finds such
    /// rows.
    #[must_use]
    pub fn new(rows: &[&TokenRow], pad_id: u32) -> Self {
        let lengths: Vec<usize> = rows.iter().map(|row| row.input_ids.len()).collect();
        let width = lengths.iter().copied().max().unwrap_or(0);
        let mut batch = Self {
            rows: rows.len(),
            width,
            input_ids: Vec::with_capacity(rows.len() * width),
            labels: Vec::with_capacity(rows.len() * width),
            teacher: Vec::new(),
            lengths,
            packed_lengths: Vec::new(),
        };
        let has_teacher = rows.iter().any(|row| !row.teacher.is_empty());
        for (at, row) in rows.iter().enumerate() {
            batch.input_ids.extend(&row.input_ids);
            batch.input_ids.resize((at + 1) * width, pad_id);
            batch
                .labels
                .extend(row.labels.iter().take(row.input_ids.len()));
            batch.labels.resize((at + 1) * width, IGNORE);
            if has_teacher {
                batch
                    .teacher
                    .extend(row.teacher.iter().take(row.input_ids.len()));
                batch.teacher.resize((at + 1) * width, 0);
            }
        }
        batch
    }

    /// The examples packed into rows as [`pack`] divides them, each row padded with `pad_id`.
    ///
    /// The first token of an example is not trained, since no token precedes it.
    #[must_use]
    pub fn packed(rows: &[&TokenRow], capacity: usize, pad_id: u32) -> Self {
        let ends = pack(rows.iter().map(|row| row.input_ids.len()), capacity);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let groups: Vec<&[&TokenRow]> = starts
            .zip(&ends)
            .map(|(from, to)| &rows[from..*to])
            .collect();
        let joined: Vec<TokenRow> = groups.iter().map(|rows| joined(rows)).collect();
        let mut batch = Self::new(&joined.iter().collect::<Vec<_>>(), pad_id);
        let lengths = |rows: &&[&TokenRow]| rows.iter().map(|row| row.input_ids.len()).collect();
        if groups.len() < rows.len() {
            batch.packed_lengths = groups.iter().map(lengths).collect();
        }
        batch
    }

    /// The same rows, padded with `pad_id` to a multiple of `step` tokens, so that there are few different widths.
    ///
    /// No real token sees what follows it, and padding is never trained, so losses and gradients are unchanged.
    #[must_use]
    pub fn widened(&self, step: usize, pad_id: u32) -> Self {
        let width = self.width.next_multiple_of(step.max(1));
        let mut batch = Self {
            width,
            input_ids: Vec::with_capacity(self.rows * width),
            labels: Vec::with_capacity(self.rows * width),
            teacher: Vec::new(),
            ..self.clone()
        };
        for row in 0..self.rows {
            let real = row * self.width..(row + 1) * self.width;
            batch.input_ids.extend(&self.input_ids[real.clone()]);
            batch.input_ids.resize((row + 1) * width, pad_id);
            batch.labels.extend(&self.labels[real.clone()]);
            batch.labels.resize((row + 1) * width, IGNORE);
            if !self.teacher.is_empty() {
                batch.teacher.extend(&self.teacher[real]);
                batch.teacher.resize((row + 1) * width, 0);
            }
        }
        batch
    }
}

/// Examples one after the other as one row, without an id.
fn joined(rows: &[&TokenRow]) -> TokenRow {
    let mut all = TokenRow {
        id: serde_json::Value::Null,
        input_ids: Vec::new(),
        labels: Vec::new(),
        teacher: Vec::new(),
    };
    let has_teacher = rows.iter().any(|row| !row.teacher.is_empty());
    for row in rows {
        all.input_ids.extend(&row.input_ids);
        let labels = row.labels.iter().take(row.input_ids.len()).enumerate();
        all.labels
            .extend(labels.map(|(at, &label)| if at == 0 { IGNORE } else { label }));
        all.labels.resize(all.input_ids.len(), IGNORE);
        if has_teacher {
            all.teacher
                .extend(row.teacher.iter().take(row.input_ids.len()));
            all.teacher.resize(all.input_ids.len(), 0);
        }
    }
    all
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
            teacher: Vec::new(),
        };
        let (long, short) = (row(&[5, 6, 2], &[IGNORE, 6, 2]), row(&[7, 2], &[IGNORE, 2]));
        let batch = TokenBatch::new(&[&long, &short], 2);
        assert_eq!((batch.rows, batch.width), (2, 3));
        assert_eq!(batch.lengths, [3, 2]);
        assert_eq!(batch.input_ids, [5, 6, 2, 7, 2, 2]);
        assert_eq!(batch.labels, [IGNORE, 6, 2, IGNORE, 2, IGNORE]);
        let wide = batch.widened(4, 9);
        assert_eq!((wide.width, &wide.lengths), (4, &batch.lengths));
        assert_eq!(wide.input_ids, [5, 6, 2, 9, 7, 2, 2, 9]);
        assert_eq!(wide.labels[3..], [IGNORE, IGNORE, 2, IGNORE, IGNORE]);
        assert_eq!(batch.widened(3, 9), batch);
        let empty = TokenBatch::new(&[], 2);
        assert_eq!((empty.rows, empty.width, empty.input_ids.len()), (0, 0, 0));
    }

    #[test]
    fn packed_examples_share_a_row_and_do_not_train_their_first_tokens() {
        let row = |ids: &[u32]| TokenRow {
            id: 0.into(),
            input_ids: ids.to_vec(),
            labels: ids.iter().map(|&id| i64::from(id)).collect(),
            teacher: Vec::new(),
        };
        let rows = [row(&[5, 6]), row(&[7, 8, 9]), row(&[1, 2]), row(&[3; 6])];
        let batch = TokenBatch::packed(&rows.iter().collect::<Vec<_>>(), 5, 0);
        assert_eq!((batch.rows, batch.width), (3, 6));
        assert_eq!(batch.packed_lengths, [vec![2, 3], vec![2], vec![6]]);
        assert_eq!(batch.input_ids[..6], [5, 6, 7, 8, 9, 0]);
        assert_eq!(batch.labels[..6], [IGNORE, 6, IGNORE, 8, 9, IGNORE]);
        let alone = TokenBatch::packed(&[&rows[0], &rows[1]], 4, 0);
        assert!(alone.packed_lengths.is_empty());
        assert_eq!(pack([3, 2, 5, 1, 1], 5), [2, 3, 5]);
    }
}
