//! Products with a frozen weight that is quantised: it is dequantised for the product alone, and autodiff keeps the
//! quantised one.

use burn::backend::tensor::{FloatTensor, QuantizedTensor};
use burn::backend::{Backend, TensorMetadata};

/// `x W`, `[rows, tokens, out]`.
pub(crate) fn quantized<B: Backend>(
    x: FloatTensor<B>,
    weight: QuantizedTensor<B>,
) -> FloatTensor<B> {
    let weight = B::dequantize(weight, x.dtype().into());
    B::linear(x, weight, None)
}

/// The gradient of `x`.
pub(crate) fn quantized_backward<B: Backend>(
    dy: FloatTensor<B>,
    weight: QuantizedTensor<B>,
) -> FloatTensor<B> {
    let weight = B::dequantize(weight, dy.dtype().into());
    B::linear_x_backward(weight, dy)
}
