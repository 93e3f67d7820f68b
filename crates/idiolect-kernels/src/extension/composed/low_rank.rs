//! The product with two narrow factors, `x A B`, as an adapter has them.
//!
//! With `u = x A`: `du = dy B^T`, `dx = du A^T`, `dA = x^T du`, `dB = u^T dy`. All of it is in the factors' type; what
//! has another is cast for the product alone, so that autodiff keeps `x` as it is. With dropout `x` is what that leaves,
//! and the gradient of the rest is 0.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{DType, Shape};

use super::{dims, narrow};
use crate::Dropout;
use crate::extension::drops::Drops;

/// `x A`, `[rows * tokens, rank]`.
pub(crate) fn down<B: Drops>(
    x: FloatTensor<B>,
    a: FloatTensor<B>,
    dropout: Option<&Dropout>,
) -> FloatTensor<B> {
    let x = input::<B>(x, a.dtype(), dropout);
    B::float_matmul(flat::<B>(x), a)
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

/// What the backward pass reads beside `x`.
#[derive(Debug, Clone)]
pub(crate) struct Inputs<B: Backend> {
    pub(crate) u: FloatTensor<B>,
    pub(crate) a: FloatTensor<B>,
    pub(crate) b: FloatTensor<B>,
    pub(crate) dropout: Option<Dropout>,
}

/// The gradients of `x`, where it is wanted, and of the factors.
pub(crate) fn backward<B: Drops>(
    dy: FloatTensor<B>,
    x: FloatTensor<B>,
    inputs: Inputs<B>,
    wants_x: bool,
) -> (Option<FloatTensor<B>>, [FloatTensor<B>; 2]) {
    let Inputs { u, a, b, dropout } = inputs;
    let (dtype, shape) = (x.dtype(), x.shape());
    let dy = flat::<B>(dy);
    let du = B::float_matmul(dy.clone(), B::float_transpose(b));
    let db = B::float_matmul(B::float_transpose(u), dy);
    let dx = wants_x.then(|| {
        let dx = B::float_matmul(du.clone(), B::float_transpose(a.clone()));
        let dx = left::<B>(B::float_reshape(dx, shape), dropout.as_ref());
        narrow::<B>(dx, dtype)
    });
    let x = input::<B>(x, a.dtype(), dropout.as_ref());
    let da = B::float_matmul(B::float_transpose(flat::<B>(x)), du);
    (dx, [da, db])
}

/// What is multiplied: what dropout leaves of `x`, in the type of the factors.
fn input<B: Drops>(x: FloatTensor<B>, dtype: DType, dropout: Option<&Dropout>) -> FloatTensor<B> {
    left::<B>(narrow::<B>(x, dtype), dropout)
}

fn left<B: Drops>(x: FloatTensor<B>, dropout: Option<&Dropout>) -> FloatTensor<B> {
    match dropout {
        Some(dropout) => B::dropped(x, dropout.clone()),
        None => x,
    }
}

/// `[rows, tokens, width]` as `[rows * tokens, width]`.
fn flat<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let [rows, tokens, width] = dims(&x);
    B::float_reshape(x, Shape::new([rows * tokens, width]))
}
