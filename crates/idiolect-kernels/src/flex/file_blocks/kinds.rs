//! Values of blocks of 32, as `dequantize_row_q*` of `ggml-quants.c` computes them.

use std::array;

use super::{Kind, float};
use crate::flex::product_few_rows::PIECE;

/// `ggml`'s `block_q4_0`.
#[derive(Clone, Copy)]
pub(super) struct Q4_0;

impl Kind for Q4_0 {
    type Block = [i8; 18];
    const PIECES: usize = 2;

    #[inline(always)]
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE] {
        let scale = float(block[0], block[1]);
        array::from_fn(|i| (half(block[2 + i], at) - 8) as f32 * scale)
    }
}

/// `ggml`'s `block_q4_1`.
#[derive(Clone, Copy)]
pub(super) struct Q4_1;

impl Kind for Q4_1 {
    type Block = [i8; 20];
    const PIECES: usize = 2;

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
    const PIECES: usize = 2;

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
    const PIECES: usize = 2;

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
    const PIECES: usize = 2;

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
