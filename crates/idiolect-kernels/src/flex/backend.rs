//! The fused steps as those of Burn's CPU backend. The gradient of a norm's scale in bf16 and everything in f16 is composed
//! of its operations.

use burn::backend::Flex;
use burn::backend::ops::{FloatTensorOps, ModuleOps};
use burn::backend::tensor::{FloatTensor, QuantizedTensor};
use burn::tensor::DType;
use burn_flex::FlexTensor;

use super::attention::{self, Inputs};
use super::buffer::in_type;
use super::rotary::Direction;
use super::{dropout, gate, linear, norm, quantized, rotary};
use crate::Dropout;
use crate::extension::attention::{Attended, AttentionInputs, Kept};
use crate::extension::backend::Steps;
use crate::extension::composed;
use crate::extension::drops::Drops;

impl Steps for Flex {
    fn rms_norm(x: FlexTensor, scale: FlexTensor, eps: f64) -> FlexTensor {
        if all_in(DType::F32, [&x, &scale]) {
            return norm::forward(&x, &scale, small(eps));
        }
        if all_in(DType::BF16, [&x, &scale]) {
            return norm::forward_in_bf16(x, &scale, small(eps));
        }
        composed::norm::forward::<Self>(x, scale, eps)
    }

    fn rms_norm_backward(dy: FlexTensor, x: FlexTensor, scale: FlexTensor, eps: f64) -> FlexTensor {
        if all_in(DType::F32, [&x, &scale]) {
            return norm::backward(dy, x, &scale, small(eps));
        }
        if all_in(DType::BF16, [&dy, &x, &scale]) {
            return norm::backward_in_bf16(dy, x, &scale, small(eps));
        }
        composed::norm::backward::<Self>(dy, x, scale, eps)
    }

    fn rms_norm_backward_scale(
        dy: FlexTensor,
        x: FlexTensor,
        scale: FlexTensor,
        eps: f64,
    ) -> FlexTensor {
        if all_in(DType::F32, [&x, &scale]) {
            return norm::backward_scale(&dy, x, &scale, small(eps));
        }
        composed::norm::backward_scale::<Self>(dy, x, scale, eps)
    }

    fn rotate(x: FlexTensor, cos: FlexTensor, sin: FlexTensor, backward: bool) -> FlexTensor {
        let dtype = x.dtype();
        let [x, cos, sin] = match wide([x, cos, sin]) {
            Ok(tensors) => tensors,
            Err([x, cos, sin]) => return composed::rotary::rotate::<Self>(x, cos, sin, backward),
        };
        let direction = if backward {
            Direction::Backward
        } else {
            Direction::Forward
        };
        in_type(rotary::rotate(x, &cos, &sin, direction), dtype)
    }

    fn swiglu(gate: FlexTensor, up: FlexTensor) -> FlexTensor {
        if all_in(DType::BF16, [&gate, &up]) {
            return gate::forward_in_bf16(gate, up);
        }
        let dtype = gate.dtype();
        match wide([gate, up]) {
            Ok([gate, up]) => in_type(gate::forward_in_place(gate, &up), dtype),
            Err([gate, up]) => composed::gate::forward::<Self>(gate, up),
        }
    }

    fn swiglu_backward(
        dy: FlexTensor,
        gate: FlexTensor,
        up: FlexTensor,
    ) -> (FlexTensor, FlexTensor) {
        if all_in(DType::BF16, [&dy, &gate, &up]) {
            return gate::backward_in_bf16(dy, gate, up);
        }
        let dtype = gate.dtype();
        match wide([dy, gate, up]) {
            Ok([dy, gate, up]) => {
                let (dgate, dup) = gate::backward(dy, gate, &up);
                (in_type(dgate, dtype), in_type(dup, dtype))
            }
            Err([dy, gate, up]) => composed::gate::backward::<Self>(dy, gate, up),
        }
    }

    fn attend(inputs: AttentionInputs<Self>) -> Attended<Self> {
        let AttentionInputs { q, k, v, visible } = inputs;
        let dtype = q.dtype();
        match wide([q, k, v]) {
            Ok(tensors) => {
                let attention::Attended { out, sums } =
                    attention::forward(&Inputs::new(tensors, visible));
                Attended {
                    out: in_type(out, dtype),
                    kept: Kept::Sums(sums),
                }
            }
            Err([q, k, v]) => {
                composed::attention::forward::<Self>(AttentionInputs { q, k, v, visible })
            }
        }
    }

    fn attend_backward(
        dy: FlexTensor,
        inputs: AttentionInputs<Self>,
        kept: Kept<Self>,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let AttentionInputs { q, k, v, visible } = inputs;
        let dtype = q.dtype();
        match (wide([q, k, v, dy]), kept) {
            (Ok([q, k, v, dy]), Kept::Sums(sums)) => {
                let inputs = Inputs::new([q, k, v], visible);
                let gradients = attention::backward(&inputs, &sums, dy);
                gradients.map(|gradient| in_type(gradient, dtype)).into()
            }
            // Sent from another process, which has no place for the sums.
            (Ok([q, k, v, dy]), Kept::Nothing) => {
                let inputs = Inputs::new([q, k, v], visible);
                let sums = attention::forward(&inputs).sums;
                let gradients = attention::backward(&inputs, &sums, dy);
                gradients.map(|gradient| in_type(gradient, dtype)).into()
            }
            (Err([q, k, v, dy]), _) => {
                let inputs = AttentionInputs { q, k, v, visible };
                composed::attention::backward::<Self>(dy, inputs)
            }
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

impl Drops for Flex {
    fn dropped(x: FlexTensor, dropout: Dropout) -> FlexTensor {
        if all_in(DType::F32, [&x]) {
            return dropout::dropped(x, &dropout);
        }
        composed::dropout::dropped::<Self>(x, &dropout)
    }
}

/// The tensors in f32; as they are where one is neither in f32 nor in bf16.
fn wide<const N: usize>(tensors: [FlexTensor; N]) -> Result<[FlexTensor; N], [FlexTensor; N]> {
    let narrow = |tensor: &FlexTensor| matches!(tensor.dtype(), DType::F32 | DType::BF16);
    if tensors.iter().all(narrow) {
        return Ok(tensors.map(|tensor| in_type(tensor, DType::F32)));
    }
    Err(tensors)
}

fn all_in<const N: usize>(dtype: DType, tensors: [&FlexTensor; N]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == dtype)
}

/// A constant of a model's configuration: f32 holds it as well as f64.
#[allow(clippy::cast_possible_truncation)]
fn small(eps: f64) -> f32 {
    eps as f32
}
