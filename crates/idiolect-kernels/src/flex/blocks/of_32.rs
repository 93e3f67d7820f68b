//! Values of blocks of 32, as `dequantize_row_q*` of `ggml-quants.c` computes them.

use std::array;
use std::marker::PhantomData;

use burn::tensor::f16;
use pulp::Simd;

use super::kind::{Kind, bytes};
use crate::flex::simd::lanes::{
    Line, PAIR, PIECE, centred, centred_halves, halves, halves_on_line, of_bits, of_bytes,
    of_signed_bytes, on_line, scaled,
};

/// `ggml`'s `block_q4_0`.
pub(super) type Q4_0 = FourBits<f16, 18>;

/// `ggml`'s `block_q8_0`.
pub(super) type Q8_0 = EightBits<f16, 34>;

/// A scale, and -8 to 7 for each value: eight more than the first piece in the lower halves of the bytes, and than the
/// second in the upper ones.
#[derive(Clone, Copy)]
pub(super) struct FourBits<F, const N: usize>(PhantomData<F>);

/// A scale, and -128 to 127 for each value.
#[derive(Clone, Copy)]
pub(super) struct EightBits<F, const N: usize>(PhantomData<F>);

/// A type of scales.
pub(super) trait Scale: Copy + Send + Sync + 'static {
    /// The number in the first bytes of a block.
    fn first<const N: usize>(block: &[i8; N]) -> f32;
}

impl Scale for f16 {
    #[inline(always)]
    fn first<const N: usize>(block: &[i8; N]) -> f32 {
        float(block, 0)
    }
}

impl Scale for f32 {
    #[inline(always)]
    fn first<const N: usize>(block: &[i8; N]) -> f32 {
        Self::from_bits(word(block, 0))
    }
}

impl<F: Scale, const N: usize> Kind for FourBits<F, N> {
    type Block = [i8; N];
    type Scales = f32;

    #[inline(always)]
    fn scales<S: Simd>(_: S, block: &Self::Block) -> f32 {
        F::first(block)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, scale): (&Self::Block, &f32),
        _: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        centred_halves(simd, bytes(block, size_of::<F>()), at, *scale)
    }
}

impl<F: Scale, const N: usize> Kind for EightBits<F, N> {
    type Block = [i8; N];
    type Scales = f32;

    #[inline(always)]
    fn scales<S: Simd>(_: S, block: &Self::Block) -> f32 {
        F::first(block)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, scale): (&Self::Block, &f32),
        _: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        let first = size_of::<F>();
        let low = of_signed_bytes(simd, bytes(block, first), at);
        let high = of_signed_bytes(simd, bytes(block, first + PIECE), at);
        [scaled(simd, low, *scale), scaled(simd, high, *scale)]
    }
}

/// `ggml`'s `block_q4_1`.
#[derive(Clone, Copy)]
pub(super) struct Q4_1;

impl Kind for Q4_1 {
    type Block = [i8; 20];
    type Scales = Line;

    #[inline(always)]
    fn scales<S: Simd>(_: S, block: &Self::Block) -> Line {
        line(block)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, line): (&Self::Block, &Line),
        _: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        halves_on_line(simd, bytes(block, 4), at, *line)
    }
}

/// `ggml`'s `block_q5_0`.
#[derive(Clone, Copy)]
pub(super) struct Q5_0;

impl Kind for Q5_0 {
    type Block = [i8; 22];
    type Scales = f32;

    #[inline(always)]
    fn scales<S: Simd>(_: S, block: &Self::Block) -> f32 {
        float(block, 0)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, scale): (&Self::Block, &f32),
        _: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        let four = of_bytes(simd, bytes(block, 6), at);
        let [low, high] = five_bits(simd, four, word(block, 2), at);
        [
            centred(simd, low, 16, *scale),
            centred(simd, high, 16, *scale),
        ]
    }
}

/// `ggml`'s `block_q5_1`.
#[derive(Clone, Copy)]
pub(super) struct Q5_1;

impl Kind for Q5_1 {
    type Block = [i8; 24];
    type Scales = Line;

    #[inline(always)]
    fn scales<S: Simd>(_: S, block: &Self::Block) -> Line {
        line(block)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, line): (&Self::Block, &Line),
        _: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        let four = of_bytes(simd, bytes(block, 8), at);
        let [low, high] = five_bits(simd, four, word(block, 4), at);
        [on_line(simd, low, *line), on_line(simd, high, *line)]
    }
}

/// The scale and the offset at the start of a block.
#[inline(always)]
fn line<const N: usize>(block: &[i8; N]) -> Line {
    Line {
        scale: float(block, 0),
        offset: float(block, 2),
    }
}

/// The halves of bytes, with the bits of a word above them: the first sixteen for the lower halves.
#[inline(always)]
fn five_bits<S: Simd>(simd: S, four: S::u32s, fifth: u32, at: usize) -> [S::u32s; PAIR] {
    let [low, high] = halves(simd, four);
    let bit = simd.splat_u32s(0x10);
    // Moved so that the bit of a lane comes to bit 4.
    let of_low = simd.and_u32s(of_bits(simd, fifth << 4, at), bit);
    let of_high = simd.and_u32s(of_bits(simd, fifth >> 12, at), bit);
    [simd.or_u32s(low, of_low), simd.or_u32s(high, of_high)]
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
