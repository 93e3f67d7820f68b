//! Whole numbers of 8 bits whose scales are stored apart from them.

use pulp::Simd;

use super::stored::Stored;
use crate::flex::simd::lanes::{PAIR, PIECE, of_signed_bytes, scaled};

/// Whole numbers that share a scale in blocks of neighbours: a value is its number times the scale of its block.
#[derive(Clone, Copy)]
pub(crate) struct EightBits<'a> {
    values: &'a [i8],
    scales: &'a [f32],
    /// Logarithm of the number of pieces in a block, to the base of two.
    pieces_log: u32,
}

impl<'a> EightBits<'a> {
    /// Blocks of `values` with a scale each; `None` where they are not of equal length, a power of two that is at
    /// least a piece.
    pub(crate) fn new(values: &'a [i8], scales: &'a [f32]) -> Option<Self> {
        let block = values.len() / scales.len().max(1);
        let whole = block * scales.len() == values.len();
        let pieces = block / PIECE;
        (whole && block.is_power_of_two() && pieces > 0).then(|| Self {
            values,
            scales,
            pieces_log: pieces.trailing_zeros(),
        })
    }

    /// Whether a row of `width` values is a whole number of blocks.
    pub(crate) fn fits(self, width: usize) -> bool {
        width.is_multiple_of(PIECE << self.pieces_log)
    }
}

impl<'a> Stored for EightBits<'a> {
    /// Two pieces, and the scale of each.
    type Block = (&'a [i8; PAIR * PIECE], [f32; PAIR]);

    #[inline(always)]
    fn count(self) -> usize {
        self.values.len()
    }

    #[inline(always)]
    fn part(self, start: usize, count: usize) -> Self {
        let block = PIECE << self.pieces_log;
        Self {
            values: &self.values[start..start + count],
            scales: &self.scales[start / block..(start + count).div_ceil(block)],
            ..self
        }
    }

    #[inline(always)]
    fn block<S: Simd>(self, _: S, at: usize) -> Self::Block {
        let scale = |piece: usize| self.scales[piece >> self.pieces_log];
        let scales = [scale(PAIR * at), scale(PAIR * at + 1)];
        (&self.values.as_chunks().0[at], scales)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (values, [first, second]): &Self::Block,
        _: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        let pieces = values.as_chunks().0;
        let low = of_signed_bytes(simd, &pieces[0], at);
        let high = of_signed_bytes(simd, &pieces[1], at);
        [scaled(simd, low, *first), scaled(simd, high, *second)]
    }

    #[inline(always)]
    fn value(self, at: usize) -> f32 {
        f32::from(self.values[at]) * self.scales[(at / PIECE) >> self.pieces_log]
    }
}
