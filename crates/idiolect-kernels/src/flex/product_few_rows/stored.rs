//! The values of a weight as they are stored, widened to f32 in registers.
//!
//! A product reads each value once, so that what counts is its size in memory: 4 bytes in f32, 2 in bf16, one or a
//! half and a part of a scale where it is quantised.

use std::array;

use burn::tensor::bf16;

/// Values that are widened at a time: a vector of AVX-512, two of AVX2, four of NEON.
pub(crate) const PIECE: usize = 16;

/// Values in the order of memory.
pub(crate) trait Stored: Copy + Send + Sync {
    /// The number of values.
    fn count(self) -> usize;

    /// `count` values from `start`; where values share scales, both are whole numbers of blocks.
    fn part(self, start: usize, count: usize) -> Self;

    /// What the values of [`Stored::pair`] are multiples of, a power of two.
    const UNIT: f32 = 1.0;

    /// Piece number `at`, which must be whole.
    fn piece(self, at: usize) -> [f32; PIECE];

    /// Pieces number `2 at` and `2 at + 1`, which must be whole, divided by [`Stored::UNIT`].
    #[inline(always)]
    fn pair(self, at: usize) -> [[f32; PIECE]; 2] {
        [self.piece(2 * at), self.piece(2 * at + 1)]
    }

    /// The value at `at`.
    fn value(self, at: usize) -> f32;
}

impl Stored for &[f32] {
    #[inline(always)]
    fn count(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn part(self, start: usize, count: usize) -> Self {
        &self[start..start + count]
    }

    #[inline(always)]
    fn piece(self, at: usize) -> [f32; PIECE] {
        self.as_chunks().0[at]
    }

    #[inline(always)]
    fn value(self, at: usize) -> f32 {
        self[at]
    }
}

impl Stored for &[bf16] {
    #[inline(always)]
    fn count(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn part(self, start: usize, count: usize) -> Self {
        &self[start..start + count]
    }

    #[inline(always)]
    fn piece(self, at: usize) -> [f32; PIECE] {
        let values = &self.as_chunks::<PIECE>().0[at];
        array::from_fn(|i| widened(values[i]))
    }

    #[inline(always)]
    fn value(self, at: usize) -> f32 {
        widened(self[at])
    }
}

/// The same number in f32: its upper half.
#[inline(always)]
fn widened(value: bf16) -> f32 {
    f32::from_bits(u32::from(value.to_bits()) << 16)
}

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

impl Stored for EightBits<'_> {
    #[inline(always)]
    fn count(self) -> usize {
        self.values.len()
    }

    #[inline(always)]
    fn part(self, start: usize, count: usize) -> Self {
        let block = PIECE << self.pieces_log;
        Self {
            values: &self.values[start..start + count],
            scales: &self.scales[start / block..(start + count) / block],
            ..self
        }
    }

    #[inline(always)]
    fn piece(self, at: usize) -> [f32; PIECE] {
        let scale = self.scales[at >> self.pieces_log];
        let values = &self.values.as_chunks::<PIECE>().0[at];
        array::from_fn(|i| f32::from(values[i]) * scale)
    }

    #[inline(always)]
    fn value(self, at: usize) -> f32 {
        f32::from(self.values[at]) * self.scales[(at / PIECE) >> self.pieces_log]
    }
}
