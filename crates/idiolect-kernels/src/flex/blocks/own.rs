//! Blocks that [`crate::quantize`] makes: 32 neighbours of a row, a scale in f32 in front of 4 or 8 bits for each.
//!
//! Burn's CPU backend has a byte for each value, and copies the scales at each use of a tensor.

use std::array;

use rayon::prelude::*;

use super::kind::{Kind, PAIR};
use crate::flex::product_few_rows::PIECE;

/// Values of a block.
pub(super) const BLOCK: usize = 2 * PIECE;

/// Bytes of a block's scale.
const SCALE: usize = size_of::<f32>();

/// Half a byte stands at the top of a word, which is its value times 2^28.
pub(super) const HALF_UNIT: f32 = 1.0 / (1 << 28) as f32;

/// Blocks of a task.
const TASK: usize = 1 << 12;

/// -8 to 7 times the scale: the first piece in the low halves of the bytes and the second in the high ones.
#[derive(Clone, Copy)]
pub(super) struct FourBits;

/// -128 to 127 times the scale.
#[derive(Clone, Copy)]
pub(super) struct EightBits;

/// How a block is made.
pub(super) trait Pack: Kind {
    /// The block of 32 whole numbers.
    fn pack(whole: &[i8; BLOCK], scale: f32) -> Self::Block;
}

/// The bytes of blocks, block after block.
pub(super) fn packed<K: Pack<Block = [i8; N]>, const N: usize>(
    whole: &[i8],
    scales: &[f32],
) -> Vec<u8> {
    let mut bytes = vec![0; scales.len() * N];
    let tasks = bytes.par_chunks_mut(TASK * N);
    let tasks = tasks.zip(whole.par_chunks(TASK * BLOCK));
    tasks
        .zip(scales.par_chunks(TASK))
        .for_each(|((bytes, whole), scales)| {
            let blocks = bytes.as_chunks_mut::<N>().0.iter_mut();
            let blocks = blocks.zip(whole.as_chunks().0);
            for ((block, whole), scale) in blocks.zip(scales) {
                *block = K::pack(whole, *scale).map(i8::cast_unsigned);
            }
        });
    bytes
}

impl Pack for FourBits {
    fn pack(whole: &[i8; BLOCK], scale: f32) -> Self::Block {
        let scale = scale.to_ne_bytes();
        array::from_fn(|at| match at.checked_sub(SCALE) {
            None => scale[at].cast_signed(),
            Some(at) => (whole[at] & 0xf) | (whole[PIECE + at] << 4),
        })
    }
}

impl Pack for EightBits {
    fn pack(whole: &[i8; BLOCK], scale: f32) -> Self::Block {
        let scale = scale.to_ne_bytes();
        array::from_fn(|at| match at.checked_sub(SCALE) {
            None => scale[at].cast_signed(),
            Some(at) => whole[at],
        })
    }
}

impl Kind for FourBits {
    type Block = [i8; SCALE + PIECE];
    const PIECES: usize = PAIR;
    const UNIT: f32 = HALF_UNIT;

    #[inline(always)]
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE] {
        let (scale, above) = (scale(block), if at == 0 { 28 } else { 24 });
        array::from_fn(|i| ((i32::from(block[SCALE + i]) << above) >> 28) as f32 * scale)
    }

    #[inline(always)]
    fn pair(block: &Self::Block, _: usize) -> [[f32; PIECE]; PAIR] {
        halves(array::from_fn(|i| block[SCALE + i]), scale(block))
    }
}

impl Kind for EightBits {
    type Block = [i8; SCALE + BLOCK];
    const PIECES: usize = PAIR;

    #[inline(always)]
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE] {
        let scale = scale(block);
        array::from_fn(|i| f32::from(block[SCALE + PIECE * at + i]) * scale)
    }
}

/// The lower and the upper halves of bytes, numbers with a sign, times a scale, as multiples of [`HALF_UNIT`].
#[inline(always)]
pub(super) fn halves(bytes: [i8; PIECE], scale: f32) -> [[f32; PIECE]; PAIR] {
    let mut pair = [[0.0; PIECE]; PAIR];
    for i in 0..PIECE {
        let byte = i32::from(bytes[i]);
        pair[0][i] = (byte << 28) as f32 * scale;
        pair[1][i] = ((byte << 24) & (0xf << 28)) as f32 * scale;
    }
    pair
}

#[inline(always)]
fn scale<const N: usize>(block: &[i8; N]) -> f32 {
    f32::from_ne_bytes(array::from_fn(|i| block[i].cast_unsigned()))
}
