//! The values of a weight as they are stored, widened to f32 in registers.
//!
//! A product reads each value once, so that what counts is its size in memory: 4 bytes in f32, 2 in bf16, one or a
//! half and a part of a scale where it is quantised.

use burn::tensor::bf16;
use half::slice::HalfFloatSliceExt;
use pulp::Simd;

use crate::flex::simd::lanes::{PAIR, PIECE, left, of_words, per_piece};

/// Values in the order of memory, block after block.
pub(crate) trait Stored: Copy + Send + Sync {
    /// A block with its scales in f32.
    type Block: Copy;

    /// Pairs of a block.
    const PAIRS: usize = 1;

    /// By how many pieces the second of a pair stands behind the first.
    const APART: usize = 1;

    /// The number of values.
    fn count(self) -> usize;

    /// `count` values from `start`; where values share scales, both are whole numbers of pieces.
    fn part(self, start: usize, count: usize) -> Self;

    /// The piece of block 0 that is the first.
    #[inline(always)]
    fn first(self) -> usize {
        0
    }

    /// Block number `at`, which must be whole.
    fn block<S: Simd>(self, simd: S, at: usize) -> Self::Block;

    /// Vector number `at` of both pieces of a pair of a block.
    fn vectors<S: Simd>(simd: S, block: &Self::Block, pair: usize, at: usize) -> [S::f32s; PAIR];

    /// The value at `at`.
    fn value(self, at: usize) -> f32;

    /// The values themselves, where they are stored in f32.
    #[inline(always)]
    fn as_f32(&self) -> Option<&[f32]> {
        None
    }
}

/// The pieces of pair number `at` of a block.
#[inline(always)]
pub(crate) const fn pieces(at: usize, apart: usize) -> [usize; PAIR] {
    let first = at / apart * PAIR * apart + at % apart;
    [first, first + apart]
}

impl<'a> Stored for &'a [f32] {
    type Block = &'a [f32; PAIR * PIECE];

    #[inline(always)]
    fn count(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn part(self, start: usize, count: usize) -> Self {
        &self[start..start + count]
    }

    #[inline(always)]
    fn block<S: Simd>(self, _: S, at: usize) -> Self::Block {
        &self.as_chunks().0[at]
    }

    #[inline(always)]
    fn vectors<S: Simd>(_: S, block: &Self::Block, _: usize, at: usize) -> [S::f32s; PAIR] {
        let vectors = S::as_simd_f32s(*block).0;
        [vectors[at], vectors[per_piece::<S>() + at]]
    }

    #[inline(always)]
    fn value(self, at: usize) -> f32 {
        self[at]
    }

    #[inline(always)]
    fn as_f32(&self) -> Option<&[f32]> {
        Some(self)
    }
}

impl<'a> Stored for &'a [bf16] {
    type Block = &'a [u16; PAIR * PIECE];

    #[inline(always)]
    fn count(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn part(self, start: usize, count: usize) -> Self {
        &self[start..start + count]
    }

    #[inline(always)]
    fn block<S: Simd>(self, _: S, at: usize) -> Self::Block {
        &self.reinterpret_cast().as_chunks().0[at]
    }

    #[inline(always)]
    fn vectors<S: Simd>(simd: S, block: &Self::Block, _: usize, at: usize) -> [S::f32s; PAIR] {
        let pieces = block.as_chunks().0;
        let low = left(simd, of_words(simd, &pieces[0], at), 16);
        let high = left(simd, of_words(simd, &pieces[1], at), 16);
        // The same number in f32: its upper half.
        [
            simd.transmute_f32s_u32s(low),
            simd.transmute_f32s_u32s(high),
        ]
    }

    #[inline(always)]
    fn value(self, at: usize) -> f32 {
        self[at].to_f32()
    }
}
