//! What a block of one kind holds.

use crate::flex::product_few_rows::PIECE;

/// Pieces of a pair, which lies in one block.
pub(super) const PAIR: usize = 2;

/// What a block of one kind holds.
pub(super) trait Kind: Copy + Send + Sync + 'static {
    /// Its bytes.
    type Block: Copy + Send + Sync + 'static;
    /// Pieces of a block, pairs of them.
    const PIECES: usize;
    /// What the values of [`Kind::pair`] are multiples of, a power of two.
    const UNIT: f32 = 1.0;

    /// Piece number `at` of a block.
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE];

    /// Pieces `at` and `at + 1` of a block divided by [`Kind::UNIT`], `at` an even number.
    #[inline(always)]
    fn pair(block: &Self::Block, at: usize) -> [[f32; PIECE]; PAIR] {
        [Self::piece(block, at), Self::piece(block, at + 1)]
    }
}
