//! What a block of one kind holds.

use pulp::Simd;

use crate::flex::product_few_rows::pieces;
use crate::flex::simd::lanes::{PAIR, PIECE};

/// What a block of one kind holds.
pub(super) trait Kind: Copy + Send + Sync + 'static {
    /// Its bytes.
    type Block: Copy + Send + Sync + 'static;

    /// Its scales in f32.
    type Scales: Copy;

    /// Pairs of pieces.
    const PAIRS: usize = 1;

    /// By how many pieces the second of a pair stands behind the first.
    const APART: usize = 1;

    /// The scales of a block.
    fn scales<S: Simd>(simd: S, block: &Self::Block) -> Self::Scales;

    /// Vector number `at` of both pieces of a pair.
    fn vectors<S: Simd>(
        simd: S,
        block: (&Self::Block, &Self::Scales),
        pair: usize,
        at: usize,
    ) -> [S::f32s; PAIR];

    /// The pieces of a pair.
    #[inline(always)]
    fn pieces(pair: usize) -> [usize; PAIR] {
        pieces(pair, Self::APART)
    }
}

/// The bytes of a piece from `start` on.
#[inline(always)]
pub(super) fn bytes<const N: usize>(block: &[i8; N], start: usize) -> &[i8; PIECE] {
    &block[start..].as_chunks().0[0]
}
