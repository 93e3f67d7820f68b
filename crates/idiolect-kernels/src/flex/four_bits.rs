//! Weights in 4 bits: rows of blocks of 32 neighbours, each a scale in f32 and two values a byte.
//!
//! Burn's CPU backend has a byte for each value, and copies the scales at each use of a tensor. Here blocks of 20
//! bytes stand behind a tensor whose layout repeats its first byte, so that nothing of Burn reads beyond them; its
//! own conversion to f32 panics, for want of scales, rather than giving other numbers. `dequantize` of this crate
//! is to be called instead.

use std::array;

use burn::backend::TensorMetadata;
use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue};
use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexQTensor, FlexTensor, Layout};
use rayon::prelude::*;

use super::buffer::{dims, tensor};
use super::product_few_rows::{PIECE, Stored};

/// Values of a block: two pieces, the first in the low halves of the bytes and the second in the high ones.
const BLOCK: usize = 2 * PIECE;

/// Bytes of a block's scale.
const SCALE: usize = size_of::<f32>();

/// Bytes of a block.
const BYTES: usize = SCALE + BLOCK / 2;

/// Blocks of a task.
const TASK: usize = 1 << 12;

/// Whether a scheme with blocks of `block` values along rows is stored in halves of bytes.
pub(super) fn serves(scheme: &QuantScheme, block: usize) -> bool {
    scheme.value == QuantValue::Q4S && block == BLOCK
}

/// A tensor of whole numbers of -8 to 7 that share a scale in blocks of neighbours.
pub(super) fn in_four_bits(
    whole: &[i8],
    scales: &[f32],
    shape: [usize; 2],
    scheme: &QuantScheme,
) -> FlexQTensor {
    let mut bytes = vec![0_i8; scales.len() * BYTES];
    let tasks = bytes.par_chunks_mut(TASK * BYTES);
    let tasks = tasks.zip(whole.par_chunks(TASK * BLOCK));
    tasks
        .zip(scales.par_chunks(TASK))
        .for_each(|((bytes, whole), scales)| {
            let blocks = bytes.chunks_exact_mut(BYTES).zip(whole.chunks_exact(BLOCK));
            for ((bytes, whole), scale) in blocks.zip(scales) {
                pack_block(bytes, whole, *scale);
            }
        });
    let layout = Layout::new(Shape::new(shape), vec![0, 0], 0);
    let values = FlexTensor::new(Bytes::from_elems(bytes), layout, DType::I8);
    let scheme = scheme.with_store(QuantStore::PackedNative(0));
    FlexQTensor::new(values, scheme, vec![f32::NAN], None)
}

fn pack_block(bytes: &mut [i8], whole: &[i8], scale: f32) {
    let (own, halves) = bytes.split_at_mut(SCALE);
    for (own, byte) in own.iter_mut().zip(scale.to_ne_bytes()) {
        *own = byte.cast_signed();
    }
    let (low, high) = whole.split_at(PIECE);
    for ((byte, low), high) in halves.iter_mut().zip(low).zip(high) {
        *byte = (low & 0xf) | (high << 4);
    }
}

/// Blocks in the order of memory.
#[derive(Clone, Copy)]
pub(super) struct FourBits<'a>(&'a [[i8; BYTES]]);

impl<'a> FourBits<'a> {
    /// The blocks of a tensor that [`in_four_bits`] made; `None` for another.
    pub(super) fn of(weight: &'a FlexQTensor) -> Option<Self> {
        let DType::QFloat(scheme) = weight.dtype() else {
            return None;
        };
        let packed = matches!(scheme.store, QuantStore::PackedNative(0));
        packed.then(|| Self(weight.tensor().storage().as_chunks().0))
    }

    /// The weight in f32, row-major.
    pub(super) fn wide(self, weight: &FlexQTensor) -> FlexTensor {
        let shape: [usize; 2] = dims(weight.tensor());
        let mut wide = vec![0.0; shape[0] * shape[1]];
        let tasks = wide.par_chunks_mut(TASK * BLOCK);
        tasks
            .zip(self.0.par_chunks(TASK))
            .for_each(|(wide, blocks)| {
                let blocks = FourBits(blocks);
                let pieces = wide.as_chunks_mut::<PIECE>().0;
                for (at, piece) in pieces.iter_mut().enumerate() {
                    *piece = blocks.piece(at);
                }
            });
        tensor(wide, shape)
    }
}

impl Stored for FourBits<'_> {
    // A half at the top of a word, which is its value times 2^28.
    const UNIT: f32 = 1.0 / (1 << 28) as f32;

    #[inline(always)]
    fn count(self) -> usize {
        self.0.len() * BLOCK
    }

    #[inline(always)]
    fn part(self, start: usize, count: usize) -> Self {
        Self(&self.0[start / BLOCK..(start + count) / BLOCK])
    }

    #[inline(always)]
    fn pair(self, at: usize) -> [[f32; PIECE]; 2] {
        let block = &self.0[at];
        let (scale, mut pair) = (scale(block), [[0.0; PIECE]; 2]);
        for i in 0..PIECE {
            let byte = i32::from(block[SCALE + i]);
            pair[0][i] = (byte << 28) as f32 * scale;
            pair[1][i] = ((byte << 24) & (0xf << 28)) as f32 * scale;
        }
        pair
    }

    #[inline(always)]
    fn piece(self, at: usize) -> [f32; PIECE] {
        let block = &self.0[at / 2];
        let scale = scale(block);
        // The half is moved to the top of a word, and comes back with its sign.
        let above = if at.is_multiple_of(2) { 28 } else { 24 };
        array::from_fn(|i| half(block[SCALE + i], above) * scale)
    }

    #[inline(always)]
    fn value(self, at: usize) -> f32 {
        self.piece(at / PIECE)[at % PIECE]
    }
}

#[inline(always)]
fn scale(block: &[i8; BYTES]) -> f32 {
    f32::from_ne_bytes(array::from_fn(|i| block[i].cast_unsigned()))
}

#[inline(always)]
fn half(byte: i8, above: u32) -> f32 {
    ((i32::from(byte) << above) >> 28) as f32
}
