//! What a block of one kind holds.

use std::array;

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

/// Four bytes from `start` on as a number, the lowest first.
#[inline(always)]
pub(super) fn word<const N: usize>(block: &[i8; N], start: usize) -> u32 {
    u32::from_le_bytes(array::from_fn(|i| block[start + i].cast_unsigned()))
}

/// Two bytes from `start` on as a number in f16, which must be finite.
#[inline(always)]
pub(super) fn float<const N: usize>(block: &[i8; N], start: usize) -> f32 {
    // The bits of the fraction and the exponent in those of f32, whose exponent is 112 more.
    const EXPONENT: f32 = f32::from_bits((112 + 127) << 23);
    let bytes = [block[start], block[start + 1]].map(i8::cast_unsigned);
    let bits = i32::from(i16::from_le_bytes(bytes));
    f32::from_bits((bits << 13).cast_unsigned() & 0x8fff_e000) * EXPONENT
}
