//! Products with a frozen weight that is quantised: it is dequantised for the product alone, and autodiff keeps the
//! quantised one.

#[cfg(any(feature = "cube", feature = "remote"))]
use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::{FloatTensor, QuantizedTensor};
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::Shape;

use super::dims;

/// What a product with a frozen weight makes of `x`: as many values for each token as there are outputs, in its type.
#[cfg(any(feature = "cube", feature = "remote"))]
pub(crate) fn spec(x: &TensorSpec, outputs: usize) -> TensorSpec {
    TensorSpec::new(Shape::new([x.shape[0], x.shape[1], outputs]), x.dtype)
}

/// Zeros of the shape of a product.
pub(crate) fn zeros<B: Backend>(x: &FloatTensor<B>, outputs: usize) -> FloatTensor<B> {
    let [rows, tokens, _] = dims(x);
    let shape = Shape::new([rows, tokens, outputs]);
    B::float_zeros(shape, &x.device(), x.dtype().into())
}

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
