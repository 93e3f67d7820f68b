//! Quantising on all threads: the numbers of Burn's `quantize_dynamic`, which takes them one by one.

use burn::backend::Flex;
use burn::tensor::quantization::{QuantScheme, QuantStore, ScaleDtype};
use burn::tensor::{Tensor, TensorData};
use burn_flex::{FlexQTensor, FlexTensor};
use rayon::prelude::*;

use super::blocks::{BlockKind, quantized};
use super::buffer::{dense, dims, values};
use super::{serves, tensor_of};

/// Values of a task.
const TASK: usize = 1 << 17;

/// As `quantize` of this crate; `None` for another device, type or scheme.
pub(crate) fn quantize(weight: &Tensor<2>, scheme: &QuantScheme) -> Option<Tensor<2>> {
    let own = serves(weight).then(|| weight.clone().try_into_primitive::<Flex>().ok());
    let weight = dense(own.flatten()?);
    let shape: [usize; 2] = dims(&weight);
    let block = block_of(scheme).filter(|block| shape[1].is_multiple_of(*block))?;
    let (_, largest) = scheme.value.range();
    let (whole, scales) = blocks(values(&weight), block, largest);
    let kind = BlockKind::of_scheme(scheme, block);
    let quantized = kind.and_then(|kind| quantized(&whole, &scales, kind, *scheme, shape));
    Some(tensor_of(quantized.unwrap_or_else(|| {
        let whole = FlexTensor::from_data(TensorData::new(whole, shape));
        FlexQTensor::new(whole, scheme.with_store(QuantStore::Native), scales, None)
    })))
}

/// The length of blocks along rows with scales in f32, where the scheme has such, around zero.
fn block_of(scheme: &QuantScheme) -> Option<usize> {
    let (least, most) = scheme.value.range();
    let block = scheme.block_size()?;
    let (along, across) = block.as_slice().split_last()?;
    let along = usize::from(*along);
    let one_row = across.iter().all(|size| *size == 1);
    let plain = scheme.tensor_scale().is_none() && scheme.scale_dtype() == ScaleDtype::F32;
    (one_row && plain && along > 0 && (least + most).abs() == 0.0).then_some(along)
}

/// Whole numbers between `-largest` and `largest`, and a scale for each `block` of values.
pub(super) fn blocks(wide: &[f32], block: usize, largest: f32) -> (Vec<i8>, Vec<f32>) {
    let (mut whole, mut scales) = (vec![0; wide.len()], vec![0.0; wide.len() / block]);
    let count = (TASK / block).max(1);
    let tasks = whole.par_chunks_mut(count * block);
    let tasks = tasks.zip(scales.par_chunks_mut(count));
    tasks
        .zip(wide.par_chunks(count * block))
        .for_each(|((whole, scales), wide)| {
            let blocks = whole.chunks_mut(block).zip(wide.chunks(block));
            for ((whole, wide), scale) in blocks.zip(scales) {
                *scale = rounded(whole, wide, largest);
            }
        });
    (whole, scales)
}

/// Rounds a block to whole numbers times the scale that is returned.
fn rounded(whole: &mut [i8], wide: &[f32], largest: f32) -> f32 {
    let most = wide.iter().fold(0_f32, |most, value| most.max(value.abs()));
    // In a block of zeros any scale will do.
    let scale = most / largest;
    let scale = if scale > 0.0 {
        scale
    } else {
        f32::MIN_POSITIVE
    };
    let inverse = scale.recip();
    for (whole, wide) in whole.iter_mut().zip(wide) {
        let value = (wide * inverse).round().clamp(-largest, largest);
        #[allow(clippy::cast_possible_truncation)] // whole and at most 127
        let value = value as i8;
        *whole = value;
    }
    scale
}
