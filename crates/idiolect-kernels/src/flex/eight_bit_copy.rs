//! A weight in 8 bits beside itself, for products of few rows.

use std::sync::Arc;

use burn::backend::Flex;
use burn::tensor::Tensor;
use burn_flex::FlexTensor;

use super::buffer::dims;
use super::linear::{self, Rows};
use super::product_few_rows::{Along, EightBits, Form};
use super::quantize::blocks;
use super::serves;

/// Values that share a scale.
const BLOCK: usize = 32;

/// The largest whole number.
const LARGEST: f32 = 127.0;

/// The copy.
#[derive(Debug, Clone)]
pub(crate) struct EightBitCopy {
    values: Arc<[i8]>,
    scales: Arc<[f32]>,
    form: Form,
}

impl EightBitCopy {
    /// As `QuantizedCopy::new`.
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
        let wide = &weight.storage()[start..start + inputs * outputs];
        let (values, scales) = blocks(wide, BLOCK, LARGEST);
        Some(Self {
            values: values.into(),
            scales: scales.into(),
            form: Form {
                inputs,
                outputs,
                along,
            },
        })
    }

    /// As `QuantizedCopy::product`.
    pub(crate) fn product(&self, x: &Tensor<2>) -> Option<Tensor<2>> {
        assert_eq!(
            x.dims()[1],
            self.form.inputs,
            "one row of the weight for each input"
        );
        let own = serves(x).then(|| x.clone().try_into_primitive::<Flex>().ok());
        let weight = EightBits::new(&self.values, &self.scales)?;
        let y = linear::times::<_, 2>(&own.flatten()?, weight, self.form, Rows::Either);
        y.map(Tensor::from_primitive::<Flex>)
    }
}
