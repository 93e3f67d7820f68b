//! The steps from a backend's own operations, without autodiff: what a backend without kernels computes.
//!
//! Norms, angles, gates and softmax are computed in f32, or in f64 where the tensors are f64, and rounded once.

pub(crate) mod attention;
pub(crate) mod dropout;
pub(crate) mod gate;
pub(crate) mod low_rank;
pub(crate) mod norm;
pub(crate) mod product;
pub(crate) mod rotary;
pub(crate) mod softmax;

use std::ops::Range;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{DType, FloatDType, Slice};

/// The tensor in f32, or in f64 where it is that.
fn wide<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    match x.dtype() {
        DType::F32 | DType::F64 => x,
        _ => B::float_cast(x, FloatDType::F32),
    }
}

/// The tensor in `dtype`.
fn narrow<B: Backend>(x: FloatTensor<B>, dtype: DType) -> FloatTensor<B> {
    if x.dtype() == dtype {
        return x;
    }
    B::float_cast(x, dtype.into())
}

/// The lengths of `D` axes.
pub(crate) fn dims<const D: usize>(x: &impl TensorMetadata) -> [usize; D] {
    x.shape().dims()
}

/// The slice of a tensor of these lengths that has a range of one axis and all of the others.
fn part<const D: usize>(dims: [usize; D], axis: usize, range: Range<usize>) -> [Slice; D] {
    let mut slices = dims.map(|length| Slice::from(0..length));
    slices[axis] = Slice::from(range);
    slices
}
