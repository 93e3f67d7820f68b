//! Blocks of one kind as values that a product reads.

use super::kind::{Kind, PAIR};
use crate::flex::product_few_rows::{PIECE, Stored};

/// Some pieces of blocks.
#[derive(Clone, Copy)]
pub(super) struct Blocks<'a, K: Kind> {
    /// The blocks that they lie in.
    within: &'a [K::Block],
    /// The first piece.
    first: usize,
    pieces: usize,
}

impl<'a, K: Kind> Blocks<'a, K> {
    pub(super) fn new(within: &'a [K::Block]) -> Self {
        Self {
            within,
            first: 0,
            pieces: within.len() * K::PIECES,
        }
    }
}

impl<K: Kind> Stored for Blocks<'_, K> {
    const UNIT: f32 = K::UNIT;

    #[inline(always)]
    fn count(self) -> usize {
        self.pieces * PIECE
    }

    #[inline(always)]
    fn part(self, start: usize, count: usize) -> Self {
        let (first, pieces) = (self.first + start / PIECE, count / PIECE);
        let end = (first + pieces).div_ceil(K::PIECES);
        Self {
            within: &self.within[first / K::PIECES..end],
            first: first % K::PIECES,
            pieces,
        }
    }

    #[inline(always)]
    fn piece(self, at: usize) -> [f32; PIECE] {
        let at = self.first + at;
        K::piece(&self.within[at / K::PIECES], at % K::PIECES)
    }

    #[inline(always)]
    fn pair(self, at: usize) -> [[f32; PIECE]; PAIR] {
        // A part begins with a pair.
        let (at, pairs) = (self.first / PAIR + at, K::PIECES / PAIR);
        K::pair(&self.within[at / pairs], at % pairs * PAIR)
    }

    #[inline(always)]
    fn value(self, at: usize) -> f32 {
        self.piece(at / PIECE)[at % PIECE]
    }
}
