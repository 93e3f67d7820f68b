//! The fused steps as those of Burn's CPU backend in f32; half types are composed of its operations.

use burn::backend::Flex;
use burn::backend::ops::{FloatTensorOps, ModuleOps};
use burn::backend::tensor::{FloatTensor, QuantizedTensor};
use burn::tensor::DType;
use burn_flex::FlexTensor;

use super::attention::{self, Inputs};
use super::rotary::Direction;
use super::{gate, linear, norm, quantized, rotary};
use crate::extension::attention::{Attended, AttentionInputs, Kept};
use crate::extension::backend::Steps;
use crate::extension::composed;

impl Steps for Flex {
    fn rms_norm(x: FlexTensor, scale: FlexTensor, eps: f64) -> FlexTensor {
        if all_f32([&x, &scale]) {
            return norm::forward(&x, &scale, small(eps));
        }
        composed::norm::forward::<Self>(x, scale, eps)
    }

    fn rms_norm_backward(dy: FlexTensor, x: FlexTensor, scale: FlexTensor, eps: f64) -> FlexTensor {
        if all_f32([&x, &scale]) {
            return norm::backward(dy, x, &scale, small(eps));
        }
        composed::norm::backward::<Self>(dy, x, scale, eps)
    }

    fn rms_norm_backward_scale(
        dy: FlexTensor,
        x: FlexTensor,
        scale: FlexTensor,
        eps: f64,
    ) -> FlexTensor {
        if all_f32([&x, &scale]) {
            return norm::backward_scale(&dy, x, &scale, small(eps));
        }
        composed::norm::backward_scale::<Self>(dy, x, scale, eps)
    }

    fn rotate(x: FlexTensor, cos: FlexTensor, sin: FlexTensor, back: bool) -> FlexTensor {
        if !all_f32([&x, &cos, &sin]) {
            return composed::rotary::rotate::<Self>(x, cos, sin, back);
        }
        let direction = if back {
            Direction::Back
        } else {
            Direction::Forth
        };
        rotary::rotate(x, &cos, &sin, direction)
    }

    fn swiglu(gate: FlexTensor, up: FlexTensor) -> FlexTensor {
        if all_f32([&gate, &up]) {
            return gate::forward_in_place(gate, &up);
        }
        composed::gate::forward::<Self>(gate, up)
    }

    fn swiglu_backward(
        dy: FlexTensor,
        gate: FlexTensor,
        up: FlexTensor,
    ) -> (FlexTensor, FlexTensor) {
        if all_f32([&dy, &gate, &up]) {
            return gate::backward(dy, gate, &up);
        }
        composed::gate::backward::<Self>(dy, gate, up)
    }

    fn attend(inputs: AttentionInputs<Self>) -> Attended<Self> {
        if !all_f32([&inputs.q, &inputs.k, &inputs.v]) {
            return composed::attention::forward::<Self>(inputs);
        }
        let attention::Attended { out, sums } = attention::forward(&readable(inputs));
        Attended {
            out,
            kept: Kept::Sums(sums),
        }
    }

    fn attend_backward(
        dy: FlexTensor,
        inputs: AttentionInputs<Self>,
        kept: Kept<Self>,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        match kept {
            Kept::Sums(sums) => attention::backward(&readable(inputs), &sums, dy).into(),
            Kept::Nothing => composed::attention::backward::<Self>(dy, inputs),
        }
    }

    fn frozen_linear(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        linear::forward(x, weight)
    }

    fn frozen_linear_backward(dy: FlexTensor, weight: FlexTensor) -> FlexTensor {
        linear::backward(dy, weight)
    }

    fn quantized_linear(x: FlexTensor, weight: QuantizedTensor<Self>) -> FlexTensor {
        quantized::forward(&x, &weight).unwrap_or_else(|| {
            let weight = Self::float_cast(quantized::dequantized(&weight), x.dtype().into());
            Self::linear(x, weight, None)
        })
    }

    fn quantized_linear_backward(dy: FlexTensor, weight: QuantizedTensor<Self>) -> FlexTensor {
        quantized::backward(&dy, &weight).unwrap_or_else(|| {
            let weight = Self::float_cast(quantized::dequantized(&weight), dy.dtype().into());
            Self::linear_x_backward(weight, dy)
        })
    }
}

fn readable(inputs: AttentionInputs<Flex>) -> Inputs {
    let AttentionInputs { q, k, v, visible } = inputs;
    Inputs::new([q, k, v], visible)
}

fn all_f32<const N: usize>(tensors: [&FlexTensor; N]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == DType::F32)
}

/// A constant of a model's configuration: f32 holds it as well as f64.
#[allow(clippy::cast_possible_truncation)]
fn small(eps: f64) -> f32 {
    eps as f32
}
