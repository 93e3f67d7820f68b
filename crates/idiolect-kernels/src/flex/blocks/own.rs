//! Blocks that [`crate::quantize`] makes: 32 neighbours of a row, a scale in f32 in front of 4 or 8 bits for each.
//!
//! Burn's CPU backend has a byte for each value, and copies the scales at each use of a tensor.

use std::array;

use pulp::Simd;
use rayon::prelude::*;

use super::kind::{Kind, bytes};
use crate::flex::simd::lanes::{PAIR, PIECE, centred_halves, of_signed_bytes, scaled};

/// Values of a block.
pub(super) const BLOCK: usize = 2 * PIECE;

/// Bytes of a block's scale.
const SCALE: usize = size_of::<f32>();

/// Blocks of a task.
const TASK: usize = 1 << 12;

/// -8 to 7 times the scale: eight more than the first piece in the low halves of the bytes, and than the second in the
/// high ones.
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

impl Pack for FourBits {
    fn pack(whole: &[i8; BLOCK], scale: f32) -> Self::Block {
        let scale = scale.to_ne_bytes();
        array::from_fn(|at| match at.checked_sub(SCALE) {
            None => scale[at].cast_signed(),
            Some(at) => (whole[at] + 8) | ((whole[PIECE + at] + 8) << 4),
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
    type Scales = f32;

    #[inline(always)]
    fn scales<S: Simd>(_: S, block: &Self::Block) -> f32 {
        scale(block)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, scale): (&Self::Block, &f32),
        _: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        centred_halves(simd, bytes(block, SCALE), at, *scale)
    }
}

impl Kind for EightBits {
    type Block = [i8; SCALE + BLOCK];
    type Scales = f32;

    #[inline(always)]
    fn scales<S: Simd>(_: S, block: &Self::Block) -> f32 {
        scale(block)
    }

    #[inline(always)]
    fn vectors<S: Simd>(
        simd: S,
        (block, scale): (&Self::Block, &f32),
        _: usize,
        at: usize,
    ) -> [S::f32s; PAIR] {
        let low = of_signed_bytes(simd, bytes(block, SCALE), at);
        let high = of_signed_bytes(simd, bytes(block, SCALE + PIECE), at);
        [scaled(simd, low, *scale), scaled(simd, high, *scale)]
    }
}

#[inline(always)]
fn scale<const N: usize>(block: &[i8; N]) -> f32 {
    f32::from_ne_bytes(array::from_fn(|i| block[i].cast_unsigned()))
}
