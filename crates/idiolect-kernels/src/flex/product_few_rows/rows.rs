//! Rows of the input of a product.

/// Rows of equal width.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) values: &'a [f32],
    pub(super) rows: usize,
    pub(super) width: usize,
}

/// Four slices of equal length.
#[inline(always)]
pub(super) fn quarters(all: &[f32]) -> [&[f32]; 4] {
    let (first, last) = all.split_at(all.len() / 2);
    let (a, b) = first.split_at(first.len() / 2);
    let (c, d) = last.split_at(last.len() / 2);
    [a, b, c, d]
}
