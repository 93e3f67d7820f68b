//! Values of blocks of 256, as `dequantize_row_q*_K` of `ggml-quants.c` computes them.

use pulp::{Simd, cast};

use super::kind::{Kind, bytes, float, word};
use crate::flex::simd::lanes::{
    Line, PAIR, PIECE, as_float, centred, halves, left, of_bytes, of_signed_bytes, on_line, right,
    scaled,
};

/// Values of a block.
const VALUES: usize = 256;

/// Parts of a block of four or five bits, 32 values each.
const PARTS: usize = 8;

/// Bytes of the lines of the parts.
const LINES: usize = 16;

/// `ggml`'s `block_q4_K`.
pub(super) type Q4K = OfLines<144>;

/// `ggml`'s `block_q5_K`.
pub(super) type Q5K = OfLines<176>;

/// Eight lines; with five bits, then the fifth bit of each value; then four bits of each value.
#[derive(Clone, Copy)]
pub(super) struct OfLines<const N: usize>;

impl<const N: usize> OfLines<N> {
    /// Where four bits of each value begin.
    const FOURS: usize = N - VALUES / 2;

    /// Whether a value has a fifth bit.
    const HAS_FIFTHS: bool = Self::FOURS > LINES;
}

impl<const N: usize> Kind for OfLines<N> {
    type Block = [i8; N];
    type Scales = Lines;
    const PAIRS: usize = 8;
    const APART: usize = 2;

    #[inline(always)]
    fn scales<S: Simd>(simd: S, block: &Self::Block) -> Lines {
        Lines::of(simd, block)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, lines): (&Self::Block, &Lines),
        pair: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        let fours = bytes(block, Self::FOURS + PIECE * pair);
        let [mut low, mut high] = halves(simd, of_bytes(simd, fours, at));
        if Self::HAS_FIFTHS {
            // Of a byte two bits belong to a pair. Both are moved to bit 4.
            let fifths = of_bytes(simd, bytes(block, LINES + PIECE * (pair % 2)), at);
            let fifths = right(simd, left(simd, fifths, 4), two_bits(pair / 2));
            let bit = simd.splat_u32s(0x10);
            low = simd.or_u32s(low, simd.and_u32s(fifths, bit));
            high = simd.or_u32s(high, simd.and_u32s(right(simd, fifths, 1), bit));
        }
        let [first, second] = lines.of_pair(pair);
        [on_line(simd, low, first), on_line(simd, high, second)]
    }
}

/// `ggml`'s `block_q6_K`.
#[derive(Clone, Copy)]
pub(super) struct Q6K;

impl Kind for Q6K {
    type Block = [i8; 210];
    type Scales = [f32; PIECE];
    const PAIRS: usize = 8;
    const APART: usize = 4;

    #[inline(always)]
    fn scales<S: Simd>(simd: S, block: &Self::Block) -> [f32; PIECE] {
        let mut scales = [0.0; PIECE];
        let factor = float(block, 208);
        for (v, scales) in S::as_mut_simd_f32s(&mut scales).0.iter_mut().enumerate() {
            *scales = scaled(simd, of_signed_bytes(simd, bytes(block, 192), v), factor);
        }
        scales
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, scales): (&Self::Block, &[f32; PIECE]),
        pair: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        // Half a block is four quarters: the first shares bytes with the third, the second with the fourth, and the two
        // upper bits of all four share a byte. They are moved to bits 4 and 5.
        let (half, quarter) = (pair / 4, pair % 4 / 2);
        let [low, high] = halves(simd, of_bytes(simd, bytes(block, PIECE * pair), at));
        let upper = bytes(block, 128 + 32 * half + PIECE * (pair % 2));
        let upper = right(simd, of_bytes(simd, upper, at), two_bits(quarter));
        let bits = simd.splat_u32s(0x30);
        let low = simd.or_u32s(low, simd.and_u32s(left(simd, upper, 4), bits));
        let high = simd.or_u32s(high, simd.and_u32s(upper, bits));
        let [first, second] = Self::pieces(pair);
        [
            centred(simd, low, 32, scales[first]),
            centred(simd, high, 32, scales[second]),
        ]
    }
}

/// The place of bits number `2 at`.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "below 8")]
const fn two_bits(at: usize) -> u32 {
    2 * at as u32
}

/// Scales of the parts of a block, then their offsets.
#[derive(Clone, Copy)]
pub(super) struct Lines([f32; PIECE]);

impl Lines {
    /// Six bits a number: the first four parts have theirs in the lower bits of eight bytes, the last four have four bits
    /// each in four more, and two above those of the first.
    #[inline(always)]
    fn of<S: Simd, const N: usize>(simd: S, block: &[i8; N]) -> Self {
        const SIX: u32 = 0x3f3f_3f3f;
        const FOUR: u32 = 0x0f0f_0f0f;
        const UPPER: u32 = 0x3030_3030;
        let (first, second, last) = (word(block, 4), word(block, 8), word(block, 12));
        let words = [
            first & SIX,
            (last & FOUR) | ((first >> 2) & UPPER),
            second & SIX,
            ((last >> 4) & FOUR) | ((second >> 2) & UPPER),
        ];
        let mut factors = [float(block, 0); PIECE];
        factors[PARTS..].fill(-float(block, 2));
        let mut lines = [0.0; PIECE];
        let vectors = S::as_mut_simd_f32s(&mut lines).0.iter_mut();
        for (v, (lines, factors)) in vectors.zip(S::as_simd_f32s(&factors).0).enumerate() {
            let numbers = as_float(simd, of_bytes(simd, &cast(words), v));
            *lines = simd.mul_f32s(numbers, *factors);
        }
        Self(lines)
    }

    /// Those of the two parts of a pair.
    #[inline(always)]
    fn of_pair(&self, pair: usize) -> [Line; PAIR] {
        let (first, second) = (pair / 2 * 2, pair / 2 * 2 + 1);
        [
            Line {
                scale: self.0[first],
                offset: self.0[PARTS + first],
            },
            Line {
                scale: self.0[second],
                offset: self.0[PARTS + second],
            },
        ]
    }
}
