//! Root-mean-square norm.
//!
//! With `i = 1 / sqrt(mean(x^2) + eps)` and `h = dy * scale`: `dx = i (h - x i^2 mean(x h))` and
//! `dscale = sum over rows of dy x i`.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::Shape;

use super::{dims, narrow, wide};

/// `x / sqrt(mean(x^2) + eps) * scale`.
pub(crate) fn forward<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    eps: f64,
) -> FloatTensor<B> {
    let dtype = x.dtype();
    let x = wide::<B>(x);
    let root = root::<B>(x.clone(), eps);
    let normed = narrow::<B>(B::float_div(x, root), dtype);
    B::float_mul(normed, unsqueezed::<B>(scale))
}

/// The gradient of `x`.
pub(crate) fn backward<B: Backend>(
    dy: FloatTensor<B>,
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    eps: f64,
) -> FloatTensor<B> {
    let dtype = x.dtype();
    let (x, dy, scale) = (wide::<B>(x), wide::<B>(dy), wide::<B>(scale));
    let h = B::float_mul(dy, unsqueezed::<B>(scale));
    let root = root::<B>(x.clone(), eps);
    let along = B::float_mean_dim(B::float_mul(x.clone(), h.clone()), 2);
    let square = B::float_mul(root.clone(), root.clone());
    let back = B::float_mul(x, B::float_div(along, square));
    narrow::<B>(B::float_div(B::float_sub(h, back), root), dtype)
}

/// The gradient of `scale`.
pub(crate) fn backward_scale<B: Backend>(
    dy: FloatTensor<B>,
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    eps: f64,
) -> FloatTensor<B> {
    let (dtype, [width]) = (scale.dtype(), dims(&scale));
    let (x, dy) = (wide::<B>(x), wide::<B>(dy));
    let root = root::<B>(x.clone(), eps);
    let of_token = B::float_mul(dy, B::float_div(x, root));
    let sum = B::float_sum_dim(B::float_sum_dim(of_token, 0), 1);
    narrow::<B>(B::float_reshape(sum, Shape::new([width])), dtype)
}

/// `sqrt(mean(x^2) + eps)`, `[rows, tokens, 1]`.
fn root<B: Backend>(x: FloatTensor<B>, eps: f64) -> FloatTensor<B> {
    let mean = B::float_mean_dim(B::float_mul(x.clone(), x), 2);
    B::float_sqrt(B::float_add_scalar(mean, eps.into()))
}

/// `[hidden]` as `[1, 1, hidden]`.
fn unsqueezed<B: Backend>(scale: FloatTensor<B>) -> FloatTensor<B> {
    let [width] = dims(&scale);
    B::float_reshape(scale, Shape::new([1, 1, width]))
}
