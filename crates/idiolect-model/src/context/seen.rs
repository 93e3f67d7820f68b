//! Which keys the queries of a pass see: each a range of positions.

use std::ops::Range;

/// The keys of queries at `rows`, a range of positions for each row, whose keys begin at position 0; `window` is how
/// many of them a query sees, itself included, `None` for all.
///
/// A row with fewer queries than `queries` is filled up with ones that see the first key alone.
pub(super) fn seen(
    rows: &[Range<usize>],
    queries: usize,
    window: Option<usize>,
) -> Vec<Range<usize>> {
    let of_row = |row: &Range<usize>| {
        let row = row.clone();
        (0..queries).map(move |query| up_to(row.clone().nth(query).unwrap_or(0), window))
    };
    rows.iter().flat_map(of_row).collect()
}

/// The keys from the first that a query at `at` sees up to itself.
pub(super) fn up_to(at: usize, window: Option<usize>) -> Range<usize> {
    let first = window.map_or(0, |window| (at + 1).saturating_sub(window));
    first..at + 1
}
