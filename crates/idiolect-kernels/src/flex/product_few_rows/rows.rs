//! Rows of the input of a product.

use crate::flex::simd::lanes::PIECE;

/// Rows of equal width.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) values: &'a [f32],
    pub(super) rows: usize,
    pub(super) width: usize,
}

/// A piece of a row, at an address that a vector is read from in one go.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Piece(pub(super) [f32; PIECE]);

/// Rows in pieces; the last piece of each is filled up with zeros.
pub(super) struct Pieces {
    values: Vec<Piece>,
    /// Pieces of a row.
    per_row: usize,
}

impl Pieces {
    /// A copy of the rows.
    pub(super) fn new(x: Input<'_>) -> Self {
        let per_row = x.width.div_ceil(PIECE);
        let mut values = vec![Piece([0.0; PIECE]); x.rows * per_row];
        let rows = values.chunks_exact_mut(per_row.max(1));
        for (row, x) in rows.zip(x.values.chunks_exact(x.width.max(1))) {
            for (piece, x) in row.iter_mut().zip(x.chunks(PIECE)) {
                piece.0[..x.len()].copy_from_slice(x);
            }
        }
        Self { values, per_row }
    }

    /// The rows from `first` on.
    #[inline(always)]
    pub(super) fn get<const R: usize>(&self, first: usize) -> [&[Piece]; R] {
        std::array::from_fn(|row| &self.values[(first + row) * self.per_row..][..self.per_row])
    }
}
