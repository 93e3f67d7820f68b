//! Blocks of one kind as values that a product reads.

use pulp::{Scalar, Simd};

use super::kind::Kind;
use crate::flex::product_few_rows::{Stored, piece};
use crate::flex::simd::lanes::{PAIR, PIECE};

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
    /// Pieces of a block.
    const PIECES: usize = PAIR * K::PAIRS;

    pub(super) fn new(within: &'a [K::Block]) -> Self {
        Self {
            within,
            first: 0,
            pieces: within.len() * Self::PIECES,
        }
    }
}

impl<'a, K: Kind> Stored for Blocks<'a, K> {
    type Block = (&'a K::Block, K::Scales);
    const PAIRS: usize = K::PAIRS;
    const APART: usize = K::APART;

    #[inline(always)]
    fn count(self) -> usize {
        self.pieces * PIECE
    }

    #[inline(always)]
    fn part(self, start: usize, count: usize) -> Self {
        let (first, pieces) = (self.first + start / PIECE, count / PIECE);
        let end = (first + pieces).div_ceil(Self::PIECES);
        Self {
            within: &self.within[first / Self::PIECES..end],
            first: first % Self::PIECES,
            pieces,
        }
    }

    #[inline(always)]
    fn first(self) -> usize {
        self.first
    }

    #[inline(always)]
    fn block<S: Simd>(self, simd: S, at: usize) -> Self::Block {
        let block = &self.within[at];
        (block, K::scales(simd, block))
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, scales): &Self::Block,
        pair: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        K::vectors(simd, (block, scales), pair, at)
    }

    #[inline(always)]
    fn value(self, at: usize) -> f32 {
        piece(Scalar::new(), self, at / PIECE)[at % PIECE]
    }
}
