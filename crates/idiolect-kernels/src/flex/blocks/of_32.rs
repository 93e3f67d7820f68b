//! Values of blocks of 32, as `dequantize_row_q*` of `ggml-quants.c` computes them.

use std::marker::PhantomData;

use burn::tensor::f16;
use pulp::Simd;

use super::kind::{Kind, bytes, word};
use super::scale::{Factor, FactorAndOffset, Scale};
use crate::flex::simd::lanes::{PAIR, PIECE, halves, of_bits, of_bytes, of_signed_bytes};

/// `ggml`'s `block_q4_0`.
pub(super) type Q4_0 = FourBits<Factor<f16>, 18>;

/// `ggml`'s `block_q4_1`.
pub(super) type Q4_1 = FourBits<FactorAndOffset, 20>;

/// `ggml`'s `block_q5_0`.
pub(super) type Q5_0 = FiveBits<Factor<f16>, 22>;

/// `ggml`'s `block_q5_1`.
pub(super) type Q5_1 = FiveBits<FactorAndOffset, 24>;

/// `ggml`'s `block_q8_0`.
pub(super) type Q8_0 = EightBits<Factor<f16>, 34>;

/// A scale, and four bits for each value: the first piece in the lower halves of the bytes, the second in the upper ones.
#[derive(Clone, Copy)]
pub(super) struct FourBits<C, const N: usize>(PhantomData<C>);

/// A scale, a word with the fifth bit of each value, and the four others as in [`FourBits`].
#[derive(Clone, Copy)]
pub(super) struct FiveBits<C, const N: usize>(PhantomData<C>);

/// A scale, and -128 to 127 for each value.
#[derive(Clone, Copy)]
pub(super) struct EightBits<C, const N: usize>(PhantomData<C>);

impl<C: Scale, const N: usize> Kind for FourBits<C, N> {
    type Block = [i8; N];
    type Scales = C::Value;

    #[inline(always)]
    fn scales<S: Simd>(_: S, block: &Self::Block) -> C::Value {
        C::of(block)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, scale): (&Self::Block, &C::Value),
        _: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        C::halves(simd, bytes(block, C::BYTES), at, *scale)
    }
}

impl<C: Scale, const N: usize> Kind for FiveBits<C, N> {
    type Block = [i8; N];
    type Scales = C::Value;

    #[inline(always)]
    fn scales<S: Simd>(_: S, block: &Self::Block) -> C::Value {
        C::of(block)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, scale): (&Self::Block, &C::Value),
        _: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        let four = of_bytes(simd, bytes(block, C::BYTES + size_of::<u32>()), at);
        let [low, high] = five_bits(simd, four, word(block, C::BYTES), at);
        [
            C::scaled(simd, low, 16, *scale),
            C::scaled(simd, high, 16, *scale),
        ]
    }
}

impl<C: Scale, const N: usize> Kind for EightBits<C, N> {
    type Block = [i8; N];
    type Scales = C::Value;

    #[inline(always)]
    fn scales<S: Simd>(_: S, block: &Self::Block) -> C::Value {
        C::of(block)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, scale): (&Self::Block, &C::Value),
        _: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        let low = of_signed_bytes(simd, bytes(block, C::BYTES), at);
        let high = of_signed_bytes(simd, bytes(block, C::BYTES + PIECE), at);
        [
            C::scaled(simd, low, 0, *scale),
            C::scaled(simd, high, 0, *scale),
        ]
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
