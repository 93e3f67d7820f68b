//! Blocks that [`crate::quantize`] makes: 32 neighbours of a row, a scale in f32 in front of 4 or 8 bits for each.
//!
//! Burn's CPU backend has a byte for each value, and copies the scales at each use of a tensor.

use std::array;

use rayon::prelude::*;

use super::kind::Kind;
use super::of_32::{EightBits, FourBits};
use super::scale::Factor;
use crate::flex::simd::lanes::PIECE;

/// Values of a block.
pub(super) const BLOCK: usize = 2 * PIECE;

/// Bytes of a block's scale.
const SCALE: usize = size_of::<f32>();

/// Blocks of a task.
const TASK: usize = 1 << 12;

/// A weight in 4 bits.
pub(super) type OwnFourBits = FourBits<Factor<f32>, { SCALE + PIECE }>;

/// A weight in 8 bits.
pub(super) type OwnEightBits = EightBits<Factor<f32>, { SCALE + BLOCK }>;

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
    let mut packed = vec![0; scales.len() * N];
    let tasks = packed.par_chunks_mut(TASK * N);
    let tasks = tasks.zip(whole.par_chunks(TASK * BLOCK));
    tasks
        .zip(scales.par_chunks(TASK))
        .for_each(|((packed, whole), scales)| {
            let blocks = packed.as_chunks_mut::<N>().0.iter_mut();
            let blocks = blocks.zip(whole.as_chunks().0);
            for ((block, whole), scale) in blocks.zip(scales) {
                *block = K::pack(whole, *scale).map(i8::cast_unsigned);
            }
        });
    packed
}

impl Pack for OwnFourBits {
    fn pack(whole: &[i8; BLOCK], scale: f32) -> Self::Block {
        let scale = scale.to_le_bytes();
        array::from_fn(|at| match at.checked_sub(SCALE) {
            None => scale[at].cast_signed(),
            Some(at) => (whole[at] + 8) | ((whole[PIECE + at] + 8) << 4),
        })
    }
}

impl Pack for OwnEightBits {
    fn pack(whole: &[i8; BLOCK], scale: f32) -> Self::Block {
        let scale = scale.to_le_bytes();
        array::from_fn(|at| match at.checked_sub(SCALE) {
            None => scale[at].cast_signed(),
            Some(at) => whole[at],
        })
    }
}
