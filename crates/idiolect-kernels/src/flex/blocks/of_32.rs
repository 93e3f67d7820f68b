//! Values of blocks of 32, as `dequantize_row_q*` of `ggml-quants.c` computes them.

use std::array;

use super::kind::{Kind, PAIR};
use super::own::{HALF_UNIT, halves};
use crate::flex::product_few_rows::PIECE;

/// `ggml`'s `block_q4_0`.
#[derive(Clone, Copy)]
pub(super) struct Q4_0;

impl Kind for Q4_0 {
    type Block = [i8; 18];
    const PIECES: usize = PAIR;
    const UNIT: f32 = HALF_UNIT;

    #[inline(always)]
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE] {
        let scale = float(block[0], block[1]);
        array::from_fn(|i| (half(block[2 + i], at) - 8) as f32 * scale)
    }

    #[inline(always)]
    fn pair(block: &Self::Block, _: usize) -> [[f32; PIECE]; PAIR] {
        let scale = float(block[0], block[1]);
        // Eight less than a number of four bits is the number with its upper bit turned, as one with a sign.
        halves(
            array::from_fn(|i| block[2 + i] ^ 0x88_u8.cast_signed()),
            scale,
        )
    }
}

/// `ggml`'s `block_q4_1`.
#[derive(Clone, Copy)]
pub(super) struct Q4_1;

impl Kind for Q4_1 {
    type Block = [i8; 20];
    const PIECES: usize = PAIR;

    #[inline(always)]
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE] {
        let scale = float(block[0], block[1]);
        let offset = float(block[2], block[3]);
        array::from_fn(|i| half(block[4 + i], at) as f32 * scale + offset)
    }
}

/// `ggml`'s `block_q5_0`.
#[derive(Clone, Copy)]
pub(super) struct Q5_0;

impl Kind for Q5_0 {
    type Block = [i8; 22];
    const PIECES: usize = PAIR;

    #[inline(always)]
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE] {
        let scale = float(block[0], block[1]);
        let fifth = fifth([block[2], block[3], block[4], block[5]], at);
        array::from_fn(|i| ((half(block[6 + i], at) | fifth(i)) - 16) as f32 * scale)
    }
}

/// `ggml`'s `block_q5_1`.
#[derive(Clone, Copy)]
pub(super) struct Q5_1;

impl Kind for Q5_1 {
    type Block = [i8; 24];
    const PIECES: usize = PAIR;

    #[inline(always)]
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE] {
        let scale = float(block[0], block[1]);
        let offset = float(block[2], block[3]);
        let fifth = fifth([block[4], block[5], block[6], block[7]], at);
        array::from_fn(|i| (half(block[8 + i], at) | fifth(i)) as f32 * scale + offset)
    }
}

/// `ggml`'s `block_q8_0`.
#[derive(Clone, Copy)]
pub(super) struct Q8_0;

impl Kind for Q8_0 {
    type Block = [i8; 34];
    const PIECES: usize = PAIR;

    #[inline(always)]
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE] {
        let scale = float(block[0], block[1]);
        array::from_fn(|i| f32::from(block[2 + PIECE * at + i]) * scale)
    }
}

/// The lower half of a byte, or the upper one.
#[inline(always)]
pub(super) fn half(byte: i8, upper: usize) -> i32 {
    (i32::from(byte) >> (4 * upper)) & 0xf
}

/// The fifth bits of a piece, each in its place.
#[inline(always)]
fn fifth(bits: [i8; 4], at: usize) -> impl Fn(usize) -> i32 {
    let bits = i32::from_le_bytes(bits.map(i8::cast_unsigned)) >> (PIECE * at);
    move |i| ((bits >> i) & 1) << 4
}

/// A number in f16, which must be finite, from its two bytes.
#[inline(always)]
pub(super) fn float(low: i8, high: i8) -> f32 {
    // The bits of the fraction and the exponent in those of f32, whose exponent is 112 more.
    const EXPONENT: f32 = f32::from_bits((112 + 127) << 23);
    let bits = i32::from(i16::from_le_bytes([low, high].map(i8::cast_unsigned)));
    f32::from_bits((bits << 13).cast_unsigned() & 0x8fff_e000) * EXPONENT
}
