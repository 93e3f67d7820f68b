//! Values of blocks of 256, as `dequantize_row_q*_K` of `ggml-quants.c` computes them.

use std::array;

use super::kind::Kind;
use super::of_32::{float, half};
use crate::flex::product_few_rows::PIECE;

/// `ggml`'s `block_q4_K`.
#[derive(Clone, Copy)]
pub(super) struct Q4K;

impl Kind for Q4K {
    type Block = [i8; 144];
    const PIECES: usize = 16;

    #[inline(always)]
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE] {
        let (part, upper) = (at / 2, at / 2 % 2);
        let [scale, offset] = scales(block, part);
        let values = &block[16 + 32 * (part / 2) + PIECE * (at % 2)..];
        let values: [i8; PIECE] = array::from_fn(|i| values[i]);
        array::from_fn(|i| half(values[i], upper) as f32 * scale - offset)
    }
}

/// `ggml`'s `block_q5_K`.
#[derive(Clone, Copy)]
pub(super) struct Q5K;

impl Kind for Q5K {
    type Block = [i8; 176];
    const PIECES: usize = 16;

    #[inline(always)]
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE] {
        let (part, upper) = (at / 2, at / 2 % 2);
        let [scale, offset] = scales(block, part);
        let fifths = &block[16 + PIECE * (at % 2)..][..PIECE];
        let values = &block[48 + 32 * (part / 2) + PIECE * (at % 2)..][..PIECE];
        let value = |i: usize| {
            let fifth = (i32::from(fifths[i]) >> part) & 1;
            (half(values[i], upper) | (fifth << 4)) as f32 * scale - offset
        };
        array::from_fn(value)
    }
}

/// `ggml`'s `block_q6_K`.
#[derive(Clone, Copy)]
pub(super) struct Q6K;

impl Kind for Q6K {
    type Block = [i8; 210];
    const PIECES: usize = 16;

    #[inline(always)]
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE] {
        // Half a block is four quarters of 32 values, which share bytes.
        let (of_half, quarter, first) = (at / 8, at % 8 / 2, PIECE * (at % 2));
        let scale = float(block[208], block[209]) * f32::from(block[192 + at]);
        let low = &block[64 * of_half + 32 * (quarter % 2) + first..][..PIECE];
        let high = &block[128 + 32 * of_half + first..][..PIECE];
        let value = |i: usize| {
            let high = (i32::from(high[i]) >> (2 * quarter)) & 3;
            ((half(low[i], quarter / 2) | (high << 4)) - 32) as f32 * scale
        };
        array::from_fn(value)
    }
}

/// Scale and offset of the 32 values number `part`: six bits each, the upper two of the last four in the bytes of the first.
#[inline(always)]
fn scales<const N: usize>(block: &[i8; N], part: usize) -> [f32; 2] {
    let byte = |at: usize| i32::from(block[4 + at].cast_unsigned());
    let [scale, offset] = if part < 4 {
        [byte(part) & 63, byte(part + 4) & 63]
    } else {
        let both = byte(part + 4);
        [
            (both & 0xf) | ((byte(part - 4) >> 6) << 4),
            (both >> 4) | ((byte(part) >> 6) << 4),
        ]
    };
    [
        float(block[0], block[1]) * scale as f32,
        float(block[2], block[3]) * offset as f32,
    ]
}
