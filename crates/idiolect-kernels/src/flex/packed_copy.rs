//! A weight in 8 bits beside itself, for products of few rows.

use std::sync::Arc;

use burn::backend::Flex;
use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffer::dims;
use super::product_few_rows::{Along, Packed, packed_product};
use super::serves;

/// Values that share a scale.
const BLOCK: usize = 32;

/// Blocks of a task.
const TASK: usize = 1 << 12;

/// The largest whole number.
const LARGEST: f32 = 127.0;

/// Adding `1.5 * 2^23` leaves a whole number in the low bits.
const SHIFTER: f32 = 12_582_912.0;

/// The copy.
#[derive(Debug, Clone)]
pub(crate) struct PackedCopy {
    values: Arc<[i8]>,
    scales: Arc<[f32]>,
    inputs: usize,
    along: Along,
}

impl PackedCopy {
    /// As `PackedWeight::new`.
    pub(crate) fn new(weight: &Tensor<2>) -> Option<Self> {
        let own = serves(weight).then(|| weight.clone().try_into_primitive::<Flex>().ok());
        let weight: FlexTensor = own.flatten()?;
        let [inputs, outputs] = dims(&weight);
        let layout = weight.layout();
        let (along, width) = if layout.is_contiguous() {
            (Along::Outputs, outputs)
        } else if layout.permute(&[1, 0]).is_contiguous() {
            (Along::Inputs, inputs)
        } else {
            return None;
        };
        if !width.is_multiple_of(BLOCK) {
            return None;
        }
        let start = layout.start_offset();
        let (values, scales) = packed(&weight.storage()[start..start + inputs * outputs]);
        Some(Self {
            values: values.into(),
            scales: scales.into(),
            inputs,
            along,
        })
    }

    /// As `PackedWeight::product`.
    pub(crate) fn product(&self, x: &Tensor<2>) -> Option<Tensor<2>> {
        assert_eq!(
            x.dims()[1],
            self.inputs,
            "one row of the weight for each input"
        );
        let own = serves(x).then(|| x.clone().try_into_primitive::<Flex>().ok());
        let weight = Packed::new(&self.values, &self.scales)?;
        let y = packed_product(&own.flatten()?, weight, self.along);
        Some(Tensor::from_primitive::<Flex>(y))
    }
}

/// Whole numbers and scales of values, a whole number of blocks of them.
fn packed(wide: &[f32]) -> (Vec<i8>, Vec<f32>) {
    let (mut values, mut scales) = (vec![0; wide.len()], vec![0.0; wide.len() / BLOCK]);
    let tasks = values.par_chunks_mut(TASK * BLOCK);
    let tasks = tasks.zip(scales.par_chunks_mut(TASK));
    let tasks = tasks.zip(wide.par_chunks(TASK * BLOCK));
    tasks.for_each(|((values, scales), wide)| {
        let blocks = values.chunks_exact_mut(BLOCK).zip(wide.chunks_exact(BLOCK));
        for ((values, wide), scale) in blocks.zip(scales) {
            let largest = wide.iter().fold(0_f32, |most, value| most.max(value.abs()));
            // A block of zeros: any scale will do.
            *scale = (largest / LARGEST).max(f32::MIN_POSITIVE);
            let inverse = scale.recip();
            for (value, wide) in values.iter_mut().zip(wide) {
                let whole = (wide * inverse + SHIFTER) - SHIFTER;
                #[allow(clippy::cast_possible_truncation)] // between -127 and 127
                let whole = whole as i8;
                *value = whole;
            }
        }
    });
    (values, scales)
}
