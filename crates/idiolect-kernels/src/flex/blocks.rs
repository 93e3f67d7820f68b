//! Weights in blocks of neighbouring values that share scales, which products read as they are: those of a GGUF file,
//! whose neighbours are inputs, and those that [`crate::quantize`] makes, whose neighbours are outputs.
//!
//! The blocks stand behind a tensor of the shape of the weight; in the place of its scales there is one that is no number,
//! with the number of their kind in its lowest bits. The strides of its layout are 1 for the neighbours and 0 for the others, so that nothing of Burn reads beyond them, and a transposed
//! weight is told from one that is not. Burn's own conversion to f32 panics, for want of
//! scales, rather than giving other numbers; `dequantize` of this crate is to be called instead
//! (docs/decisions/0044-blocks-of-gguf.md).

mod kind;
mod of_256;
mod of_32;
mod own;
mod scale;
mod stored;

use burn::backend::TensorMetadata;
use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexQTensor, FlexTensor, Layout};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use self::kind::Kind;
use self::of_32::{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0};
use self::of_256::{Q4K, Q5K, Q6K};
use self::own::{BLOCK, OwnEightBits, OwnFourBits, packed};
use self::stored::Blocks;
use super::buffer::{dims, tensor};
use super::product_few_rows::{Along, Stored, widen};
use crate::BlockType;
use crate::flex::simd::lanes::PIECE;

/// Pieces of a task.
const TASK: usize = 1 << 13;

/// Every kind of block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    /// One of GGUF files.
    File(BlockType),
    /// -8 to 7 times a scale.
    FourBits,
    /// -128 to 127 times a scale.
    EightBits,
}

impl BlockKind {
    /// The kind that `quantize` makes by a scheme with blocks of `block` values along rows, where it makes one.
    pub(super) fn of_scheme(scheme: &QuantScheme, block: usize) -> Option<Self> {
        match scheme.value {
            QuantValue::Q4S if block == BLOCK => Some(Self::FourBits),
            QuantValue::Q8S if block == BLOCK => Some(Self::EightBits),
            _ => None,
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::File(of) => of as u8,
            Self::FourBits => 0x40,
            Self::EightBits => 0x41,
        }
    }

    /// What stands in the place of the scales of a tensor of such blocks, so that whatever takes it for one computes no
    /// number.
    fn scale(self) -> f32 {
        f32::from_bits(f32::NAN.to_bits() | u32::from(self.number()))
    }

    fn of_scale(scale: f32) -> Option<Self> {
        let of_files = BlockType::ALL.into_iter().map(Self::File);
        let mut all = of_files.chain([Self::FourBits, Self::EightBits]);
        all.find(|kind| kind.scale().to_bits() == scale.to_bits())
    }

    /// Which values of a weight that is made of them are neighbours.
    fn along(self) -> Along {
        match self {
            Self::File(_) => Along::Inputs,
            _ => Along::Outputs,
        }
    }
}

/// The tensor of whole numbers that share scales in blocks of neighbouring outputs; `None` for a kind of files.
pub(super) fn quantized(
    whole: &[i8],
    scales: &[f32],
    kind: BlockKind,
    scheme: QuantScheme,
    shape: [usize; 2],
) -> Option<FlexQTensor> {
    let bytes = match kind {
        BlockKind::FourBits => packed::<OwnFourBits, _>(whole, scales),
        BlockKind::EightBits => packed::<OwnEightBits, _>(whole, scales),
        BlockKind::File(_) => return None,
    };
    Some(of_bytes(bytes, kind, scheme, shape))
}

/// The tensor of the blocks of a file, `[inputs, outputs]`.
pub(super) fn of_file(bytes: Vec<u8>, of: BlockType, shape: [usize; 2]) -> FlexQTensor {
    let value = match of {
        BlockType::Q8_0 | BlockType::Q6K => QuantValue::Q8S,
        _ => QuantValue::Q4S,
    };
    let scheme = QuantScheme::default().with_value(value);
    let scheme = scheme.per_block([32, 1], ScaleDtype::F32);
    of_bytes(bytes, BlockKind::File(of), scheme, shape)
}

fn of_bytes(
    bytes: Vec<u8>,
    kind: BlockKind,
    scheme: QuantScheme,
    shape: [usize; 2],
) -> FlexQTensor {
    let strides = match kind.along() {
        Along::Inputs => vec![1, 0],
        Along::Outputs => vec![0, 1],
    };
    let layout = Layout::new(Shape::new(shape), strides, 0);
    let values = FlexTensor::new(Bytes::from_bytes_vec(bytes), layout, DType::I8);
    let scheme = scheme.with_store(QuantStore::PackedNative(0));
    FlexQTensor::new(values, scheme, vec![kind.scale()], None)
}

/// The blocks of a tensor.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    bytes: &'a [i8],
    pub(super) kind: BlockKind,
    /// Which values of the weight are neighbours.
    pub(super) along: Along,
}

/// What is done with a weight, whatever holds it.
pub(super) trait Read {
    /// What comes of it.
    type Output;
    /// Does it.
    fn read<W: Stored>(self, weight: W) -> Self::Output;
}

impl<'a> Packed<'a> {
    /// `None` for a tensor that is not in blocks.
    pub(super) fn of(weight: &'a FlexQTensor) -> Option<Self> {
        let DType::QFloat(scheme) = weight.dtype() else {
            return None;
        };
        if !matches!(scheme.store, QuantStore::PackedNative(_)) {
            return None;
        }
        let kind = BlockKind::of_scale(*weight.scales().first()?)?;
        let bytes = weight.tensor().storage();
        let along = match weight.tensor().layout().strides() {
            [1, 0] => Along::Inputs,
            _ => Along::Outputs,
        };
        Some(Self { bytes, kind, along })
    }

    /// Does something with the values.
    pub(super) fn read<R: Read>(self, reader: R) -> R::Output {
        match self.kind {
            BlockKind::FourBits => reader.read(self.blocks::<OwnFourBits, _>()),
            BlockKind::EightBits => reader.read(self.blocks::<OwnEightBits, _>()),
            BlockKind::File(of) => match of {
                BlockType::Q4_0 => reader.read(self.blocks::<Q4_0, _>()),
                BlockType::Q4_1 => reader.read(self.blocks::<Q4_1, _>()),
                BlockType::Q5_0 => reader.read(self.blocks::<Q5_0, _>()),
                BlockType::Q5_1 => reader.read(self.blocks::<Q5_1, _>()),
                BlockType::Q8_0 => reader.read(self.blocks::<Q8_0, _>()),
                BlockType::Q4K => reader.read(self.blocks::<Q4K, _>()),
                BlockType::Q5K => reader.read(self.blocks::<Q5K, _>()),
                BlockType::Q6K => reader.read(self.blocks::<Q6K, _>()),
            },
        }
    }

    fn blocks<K: Kind<Block = [i8; N]>, const N: usize>(self) -> Blocks<'a, K> {
        Blocks::new(self.bytes.as_chunks().0)
    }

    /// The weight in f32, with the same neighbours.
    pub(super) fn wide(self, weight: &FlexQTensor) -> FlexTensor {
        let [inputs, outputs]: [usize; 2] = dims(weight.tensor());
        let values = self.read(Widen);
        match self.along {
            Along::Outputs => tensor(values, [inputs, outputs]),
            Along::Inputs => tensor(values, [outputs, inputs]).transpose(0, 1),
        }
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
            Arch::new().dispatch(Part { weight, wide });
        });
        wide
    }
}

/// Some values, and where they come to in f32.
struct Part<'a, W> {
    weight: W,
    wide: &'a mut [f32],
}

impl<W: Stored> WithSimd for Part<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        widen(simd, self.weight, self.wide);
    }
}

/// The same blocks as the transposed weight; `None` for a tensor that is not in blocks.
pub(super) fn transposed(weight: &FlexQTensor) -> Option<FlexQTensor> {
    Packed::of(weight)?;
    let DType::QFloat(scheme) = weight.dtype() else {
        return None;
    };
    let values = weight.tensor().transpose(0, 1);
    let scales = weight.scales().to_vec();
    Some(FlexQTensor::new(values, scheme, scales, None))
}

/// Some lines of neighbours in f32, one after the other.
pub(super) struct Lines<'a> {
    pub(super) at: &'a [usize],
    pub(super) width: usize,
}

impl Read for Lines<'_> {
    type Output = Vec<f32>;

    fn read<W: Stored>(self, weight: W) -> Vec<f32> {
        let mut wide = vec![0.0; self.at.len() * self.width];
        let lines = wide.par_chunks_exact_mut(self.width.max(1));
        lines.zip(self.at).for_each(|(line, at)| {
            let weight = weight.part(at * self.width, self.width);
            Arch::new().dispatch(Part { weight, wide: line });
        });
        wide
    }
}
