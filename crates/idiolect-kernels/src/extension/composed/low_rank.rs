//! The product with two narrow factors, `x A B`, as an adapter has them.
//!
//! With `u = x A`: `du = dy B^T`, `dx = du A^T`, `dA = x^T du`, `dB = u^T dy`. All of it is in the factors' type; what
//! has another is cast for the product alone, so that autodiff keeps `x` as it is.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::Shape;

use super::{dims, narrow};

/// `x A`, `[rows * tokens, rank]`.
pub(crate) fn down<B: Backend>(x: FloatTensor<B>, a: FloatTensor<B>) -> FloatTensor<B> {
    let x = narrow::<B>(flat::<B>(x), a.dtype());
    B::float_matmul(x, a)
}

/// `u B` of what [`down`] gives, for `[rows, tokens]` tokens.
pub(crate) fn up<B: Backend>(
    u: FloatTensor<B>,
    b: FloatTensor<B>,
    [rows, tokens]: [usize; 2],
) -> FloatTensor<B> {
    let [_, outputs] = dims(&b);
    B::float_reshape(B::float_matmul(u, b), Shape::new([rows, tokens, outputs]))
}

/// What the backward pass reads.
pub(crate) struct Inputs<B: Backend> {
    pub(crate) x: FloatTensor<B>,
    pub(crate) u: FloatTensor<B>,
    pub(crate) a: FloatTensor<B>,
    pub(crate) b: FloatTensor<B>,
}

/// The gradients of `x`, where it is wanted, and of the factors.
pub(crate) fn backward<B: Backend>(
    dy: FloatTensor<B>,
    inputs: Inputs<B>,
    wants_x: bool,
) -> (Option<FloatTensor<B>>, [FloatTensor<B>; 2]) {
    let Inputs { x, u, a, b } = inputs;
    let (dtype, shape) = (x.dtype(), x.shape());
    let dy = flat::<B>(dy);
    let du = B::float_matmul(dy.clone(), B::float_transpose(b));
    let db = B::float_matmul(B::float_transpose(u), dy);
    let dx = wants_x.then(|| {
        let dx = B::float_matmul(du.clone(), B::float_transpose(a.clone()));
        B::float_reshape(narrow::<B>(dx, dtype), shape)
    });
    let x = narrow::<B>(flat::<B>(x), a.dtype());
    let da = B::float_matmul(B::float_transpose(x), du);
    (dx, [da, db])
}

/// `[rows, tokens, width]` as `[rows * tokens, width]`.
fn flat<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let [rows, tokens, width] = dims(&x);
    B::float_reshape(x, Shape::new([rows * tokens, width]))
}
