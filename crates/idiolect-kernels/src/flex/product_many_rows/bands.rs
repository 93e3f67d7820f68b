//! How much of a product is computed at a time.

/// The most values of a packed block: 4 MiB in f32.
pub(super) const MOST_VALUES: usize = 1 << 20;

/// The most rows of a task: with a panel, they stay in a core's second cache.
const MOST_BAND: usize = 128;

/// Rows of a task, a whole number of tiles: as many tasks for each thread.
pub(super) fn band(rows: usize, tile: usize) -> usize {
    let threads = rayon::current_num_threads();
    let bands = rows.div_ceil(threads * MOST_BAND) * threads;
    rows.div_ceil(bands).next_multiple_of(tile)
}
