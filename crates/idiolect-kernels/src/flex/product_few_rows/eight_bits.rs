//! Whole numbers of 8 bits whose scales are stored apart from them.

use pulp::Simd;

use super::stored::Stored;
use crate::flex::simd::lanes::{PAIR, PIECE, of_signed_bytes, scaled};

/// Whole numbers that share a scale in blocks of neighbours: a value is its number times the scale of its block.
#[derive(Clone, Copy)]
pub(crate) struct EightBits<'a> {
    values: &'a [i8],
    scales: &'a [f32],
    /// Logarithm of the number of pairs in a block, to the base of two.
    pairs_log: u32,
}

impl<'a> EightBits<'a> {
    /// Blocks of `values` with a scale each; `None` where they are not of equal length, a power of two that is at
    /// least a pair of pieces.
    pub(crate) fn new(values: &'a [i8], scales: &'a [f32]) -> Option<Self> {
        let block = values.len() / scales.len().max(1);
        let whole = block * scales.len() == values.len();
        let pairs = block / (PAIR * PIECE);
        (whole && block.is_power_of_two() && pairs > 0).then(|| Self {
            values,
            scales,
            pairs_log: pairs.trailing_zeros(),
        })
    }

    /// Whether a row of `width` values is a whole number of blocks.
    pub(crate) fn fits(self, width: usize) -> bool {
        width.is_multiple_of((PAIR * PIECE) << self.pairs_log)
    }
}

impl<'a> Stored for EightBits<'a> {
    type Block = (&'a [i8; PAIR * PIECE], f32);

    #[inline(always)]
    fn count(self) -> usize {
        self.values.len()
    }

    #[inline(always)]
    fn part(self, start: usize, count: usize) -> Self {
        let block = (PAIR * PIECE) << self.pairs_log;
        Self {
            values: &self.values[start..start + count],
            scales: &self.scales[start / block..(start + count).div_ceil(block)],
            ..self
        }
    }

    #[inline(always)]
    fn block<S: Simd>(self, _: S, at: usize) -> Self::Block {
        let scale = self.scales[at >> self.pairs_log];
        (&self.values.as_chunks().0[at], scale)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (values, scale): &Self::Block,
        _: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        let pieces = values.as_chunks().0;
        let low = of_signed_bytes(simd, &pieces[0], at);
        let high = of_signed_bytes(simd, &pieces[1], at);
        [scaled(simd, low, *scale), scaled(simd, high, *scale)]
    }

    #[inline(always)]
    fn value(self, at: usize) -> f32 {
        f32::from(self.values[at]) * self.scales[(at / (PAIR * PIECE)) >> self.pairs_log]
    }
}
