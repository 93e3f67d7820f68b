//! Weights in the blocks of a GGUF file, `[inputs, outputs]` with the inputs as neighbours, which products read as they
//! are.
//!
//! The blocks and a last byte, the number of their type, stand behind a tensor whose layout repeats the first byte, so
//! that nothing of Burn reads beyond them (docs/decisions/0044-blocks-of-gguf.md).

mod k_quants;
mod kinds;

use burn::backend::TensorMetadata;
use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexQTensor, FlexTensor, Layout};
use rayon::prelude::*;

use self::k_quants::{Q4K, Q5K, Q6K};
use self::kinds::{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0};
use super::buffer::{dims, tensor};
use super::product_few_rows::{PIECE, Stored};
use crate::BlockType;

/// Pieces of a task.
const TASK: usize = 1 << 13;

/// Burn's axis of packing that tells these blocks from those of 4 bits of our own, counted from the last.
const ALONG_INPUTS: usize = 1;

/// What a block of one type holds.
trait Kind: Copy + Send + Sync + 'static {
    /// Its bytes.
    type Block: Copy + Send + Sync + 'static;
    /// Pieces of a block.
    const PIECES: usize;
    /// Piece number `at` of a block.
    fn piece(block: &Self::Block, at: usize) -> [f32; PIECE];
}

/// Pieces of a pair, which lies in one block.
const PAIR: usize = 2;

/// The tensor of blocks, `[inputs, outputs]`: row after row of `inputs` values in the file.
pub(super) fn of_blocks(mut bytes: Vec<u8>, of: BlockType, shape: [usize; 2]) -> FlexQTensor {
    bytes.push(of as u8);
    let layout = Layout::new(Shape::new(shape), vec![0, 0], 0);
    let values = FlexTensor::new(Bytes::from_bytes_vec(bytes), layout, DType::I8);
    let value = match of {
        BlockType::Q8_0 | BlockType::Q6K => QuantValue::Q8S,
        _ => QuantValue::Q4S,
    };
    let scheme = QuantScheme::default()
        .with_value(value)
        .per_block([32, 1], ScaleDtype::F32)
        .with_store(QuantStore::PackedNative(ALONG_INPUTS));
    FlexQTensor::new(values, scheme, vec![f32::NAN], None)
}

/// The blocks of a tensor that [`of_blocks`] made.
#[derive(Clone, Copy)]
pub(super) struct FileBlocks<'a> {
    bytes: &'a [i8],
    of: BlockType,
}

/// What is done with a weight in blocks of any type.
pub(super) trait Read {
    /// What comes of it.
    type Output;
    /// Does it.
    fn read<W: Stored>(self, weight: W) -> Self::Output;
}

impl<'a> FileBlocks<'a> {
    /// `None` for another tensor.
    pub(super) fn of(weight: &'a FlexQTensor) -> Option<Self> {
        let DType::QFloat(scheme) = weight.dtype() else {
            return None;
        };
        if !matches!(scheme.store, QuantStore::PackedNative(ALONG_INPUTS)) {
            return None;
        }
        let (of, bytes) = weight.tensor().storage::<i8>().split_last()?;
        let of = BlockType::ALL.into_iter().find(|known| *known as i8 == *of)?;
        Some(Self { bytes, of })
    }

    pub(super) fn block_type(self) -> BlockType {
        self.of
    }

    /// Does something with the values.
    pub(super) fn read<R: Read>(self, reader: R) -> R::Output {
        let bytes = self.bytes;
        match self.of {
            BlockType::Q4_0 => reader.read(Blocks::<Q4_0>::new(bytes.as_chunks().0)),
            BlockType::Q4_1 => reader.read(Blocks::<Q4_1>::new(bytes.as_chunks().0)),
            BlockType::Q5_0 => reader.read(Blocks::<Q5_0>::new(bytes.as_chunks().0)),
            BlockType::Q5_1 => reader.read(Blocks::<Q5_1>::new(bytes.as_chunks().0)),
            BlockType::Q8_0 => reader.read(Blocks::<Q8_0>::new(bytes.as_chunks().0)),
            BlockType::Q4K => reader.read(Blocks::<Q4K>::new(bytes.as_chunks().0)),
            BlockType::Q5K => reader.read(Blocks::<Q5K>::new(bytes.as_chunks().0)),
            BlockType::Q6K => reader.read(Blocks::<Q6K>::new(bytes.as_chunks().0)),
        }
    }

    /// The weight in f32, with the inputs as neighbours too.
    pub(super) fn wide(self, weight: &FlexQTensor) -> FlexTensor {
        let [inputs, outputs]: [usize; 2] = dims(weight.tensor());
        tensor(self.read(Widen), [outputs, inputs]).transpose(0, 1)
    }
}

/// All values in f32, in the order of memory.
struct Widen;

impl Read for Widen {
    type Output = Vec<f32>;

    fn read<W: Stored>(self, weight: W) -> Vec<f32> {
        let mut wide = vec![0.0; weight.count()];
        let tasks = wide.par_chunks_mut(TASK * PIECE).enumerate();
        tasks.for_each(|(task, wide)| {
            let weight = weight.part(task * TASK * PIECE, wide.len());
            let pieces = wide.as_chunks_mut::<PIECE>().0;
            for (at, piece) in pieces.iter_mut().enumerate() {
                *piece = weight.piece(at);
            }
        });
        wide
    }
}

/// Some pieces of blocks.
#[derive(Clone, Copy)]
struct Blocks<'a, K: Kind> {
    blocks: &'a [K::Block],
    /// The first piece.
    first: usize,
    pieces: usize,
}

impl<'a, K: Kind> Blocks<'a, K> {
    fn new(blocks: &'a [K::Block]) -> Self {
        Self {
            blocks,
            first: 0,
            pieces: blocks.len() * K::PIECES,
        }
    }
}

impl<K: Kind> Stored for Blocks<'_, K> {
    #[inline(always)]
    fn count(self) -> usize {
        self.pieces * PIECE
    }

    #[inline(always)]
    fn part(self, start: usize, count: usize) -> Self {
        let (first, pieces) = (self.first + start / PIECE, count / PIECE);
        let end = (first + pieces).div_ceil(K::PIECES);
        Self {
            blocks: &self.blocks[first / K::PIECES..end],
            first: first % K::PIECES,
            pieces,
        }
    }

    #[inline(always)]
    fn piece(self, at: usize) -> [f32; PIECE] {
        let at = self.first + at;
        K::piece(&self.blocks[at / K::PIECES], at % K::PIECES)
    }

    #[inline(always)]
    fn pair(self, at: usize) -> [[f32; PIECE]; PAIR] {
        // A part begins with a pair.
        let (at, pairs) = (self.first / PAIR + at, K::PIECES / PAIR);
        let (block, at) = (&self.blocks[at / pairs], at % pairs * PAIR);
        [K::piece(block, at), K::piece(block, at + 1)]
    }

    #[inline(always)]
    fn value(self, at: usize) -> f32 {
        self.piece(at / PIECE)[at % PIECE]
    }
}

/// A number in f16, which must be finite, from its two bytes.
#[inline(always)]
fn float(low: i8, high: i8) -> f32 {
    // The bits of the fraction and the exponent in those of f32, whose exponent is 112 more.
    const EXPONENT: f32 = f32::from_bits((112 + 127) << 23);
    let bits = u32::from(u16::from_le_bytes([low, high].map(i8::cast_unsigned)));
    let size = f32::from_bits((bits & 0x7fff) << 13) * EXPONENT;
    f32::from_bits(size.to_bits() | ((bits & 0x8000) << 16))
}
