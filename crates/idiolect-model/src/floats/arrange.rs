//! Values in another type, and matrices in the other order, on all threads of the pool.

use rayon::prelude::*;

/// Values of a task.
const TASK: usize = 1 << 16;

/// Rows and columns that are moved at a time: their lines stay in a core's cache.
const TILE: usize = 32;

/// The transpose of a row-major matrix of `columns` columns.
#[must_use]
pub fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    transposed_as(values, columns, |value| value)
}

/// What `convert` makes of each value.
pub(crate) fn converted<A, B>(values: &[A], convert: impl Fn(A) -> B + Sync) -> Vec<B>
where
    A: Copy + Sync,
    B: Copy + Default + Send,
{
    let mut found = vec![B::default(); values.len()];
    let tasks = found.par_chunks_mut(TASK).zip(values.par_chunks(TASK));
    tasks.for_each(|(found, values)| {
        for (found, value) in found.iter_mut().zip(values) {
            *found = convert(*value);
        }
    });
    found
}

/// The transpose of what `convert` makes of each value.
pub(crate) fn transposed_as<A, B>(
    values: &[A],
    columns: usize,
    convert: impl Fn(A) -> B + Sync,
) -> Vec<B>
where
    A: Copy + Default + Sync,
    B: Copy + Default + Send,
{
    let rows = values.len() / columns.max(1);
    let mut found = vec![B::default(); values.len()];
    let bands = found.par_chunks_mut((TILE * rows).max(1)).enumerate();
    bands.for_each(|(band, found)| {
        for top in (0..rows).step_by(TILE) {
            let lines = &values[top * columns..(top + TILE).min(rows) * columns];
            let tile = Tile::read(lines, columns, band * TILE);
            for (column, found) in found.chunks_exact_mut(rows).enumerate() {
                tile.write(column, &mut found[top..], &convert);
            }
        }
    });
    found
}

/// Neighbouring rows and columns of a matrix; what lies beyond its end is not read from here.
struct Tile<A>([[A; TILE]; TILE]);

impl<A: Copy + Default> Tile<A> {
    /// The columns from `left` on of at most so many rows.
    fn read(rows: &[A], columns: usize, left: usize) -> Self {
        let mut tile = [[A::default(); TILE]; TILE];
        let width = TILE.min(columns - left);
        for (tile, row) in tile.iter_mut().zip(rows.chunks_exact(columns)) {
            match row[left..].first_chunk() {
                Some(row) => *tile = *row,
                None => tile[..width].copy_from_slice(&row[left..]),
            }
        }
        Self(tile)
    }

    /// Writes a column to the beginning of `found`, as far as that reaches.
    fn write<B>(&self, column: usize, found: &mut [B], convert: impl Fn(A) -> B) {
        if let Some(found) = found.first_chunk_mut::<TILE>() {
            for (found, row) in found.iter_mut().zip(&self.0) {
                *found = convert(row[column]);
            }
            return;
        }
        for (found, row) in found.iter_mut().zip(&self.0) {
            *found = convert(row[column]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns_at_any_size() {
        for [rows, columns] in [
            [0, 0],
            [0, 3],
            [1, 1],
            [3, 70],
            [33, 31],
            [64, 32],
            [200, 129],
        ] {
            let at = |row: usize, column: usize| (row * columns + column) as f32;
            let values: Vec<f32> = (0..rows * columns).map(|at| at as f32).collect();
            let found = transposed(&values, columns);
            let expected =
                (0..columns).flat_map(|column| (0..rows).map(move |row| at(row, column)));
            assert_eq!(found, expected.collect::<Vec<f32>>(), "{rows} x {columns}");
            assert_eq!(converted(&values, |value| value + 1.0).len(), values.len());
        }
    }

    #[test]
    fn values_are_converted_in_their_order() {
        let values: Vec<u32> = (0..200_000).collect();
        let found = converted(&values, |value| u64::from(value) * 2);
        assert!(
            found
                .iter()
                .enumerate()
                .all(|(at, found)| *found == 2 * at as u64)
        );
    }
}
