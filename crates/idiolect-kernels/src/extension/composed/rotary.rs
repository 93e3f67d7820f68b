//! Half-split rotary embedding: `[a, b]` becomes `[a cos - b sin, b cos + a sin]`.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};

use super::{dims, narrow, part, wide};

/// Rotated by the angles, or by their opposite where `backward`.
pub(crate) fn rotate<B: Backend>(
    x: FloatTensor<B>,
    cos: FloatTensor<B>,
    sin: FloatTensor<B>,
    backward: bool,
) -> FloatTensor<B> {
    let (dtype, shape) = (x.dtype(), dims::<4>(&x));
    let x = wide::<B>(x);
    let (cos, sin) = (narrow::<B>(cos, x.dtype()), narrow::<B>(sin, x.dtype()));
    let sin = if backward { B::float_neg(sin) } else { sin };
    let middle = shape[3] / 2;
    let a = B::float_slice(x.clone(), &part(shape, 3, 0..middle));
    let b = B::float_slice(x, &part(shape, 3, middle..shape[3]));
    let times = B::float_mul;
    let first = B::float_sub(times(a.clone(), cos.clone()), times(b.clone(), sin.clone()));
    let second = B::float_add(times(b, cos), times(a, sin));
    narrow::<B>(B::float_cat(vec![first, second], 3), dtype)
}
