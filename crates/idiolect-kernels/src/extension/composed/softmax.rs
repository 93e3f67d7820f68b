//! The softmax of rows of attention scores over the keys that each query sees.
//!
//! With `P = softmax(S)` and its gradient `dP`: `dS = P (dP - rowsum(P dP))`.

use burn::backend::tensor::{BoolTensor, FloatTensor, IntTensor};
use burn::backend::{Backend, TensorMetadata, get_device_settings};
use burn::tensor::{IntDType, Shape};

use super::{dims, narrow, part, wide};

/// In the place of the score of a key that is not seen.
const HIDDEN: f32 = -1e30;

/// `softmax(scale scores)`.
pub(crate) fn forward<B: Backend>(
    scores: FloatTensor<B>,
    visible: IntTensor<B>,
    scale: f64,
) -> FloatTensor<B> {
    let (dtype, [rows, heads, queries, keys]) = (scores.dtype(), dims(&scores));
    let hidden = B::bool_expand(
        hidden::<B>(visible, keys),
        Shape::new([rows, heads, queries, keys]),
    );
    let scores = B::float_mul_scalar(wide::<B>(scores), scale.into());
    let scores = B::float_mask_fill(scores, hidden, HIDDEN.into());
    let highest = B::float_max_dim(scores.clone(), 3);
    let exponentials = B::float_exp(B::float_sub(scores, highest));
    let sum = B::float_sum_dim(exponentials.clone(), 3);
    narrow::<B>(B::float_div(exponentials, sum), dtype)
}

/// The gradient of the scores.
pub(crate) fn backward<B: Backend>(
    p: FloatTensor<B>,
    dp: FloatTensor<B>,
    scale: f64,
) -> FloatTensor<B> {
    let dtype = p.dtype();
    let (p, dp) = (wide::<B>(p), wide::<B>(dp));
    let along = B::float_sum_dim(B::float_mul(p.clone(), dp.clone()), 3);
    // Rounded weights do not add up to exactly 1. Where one weight is nearly 1, `dP - along` is as small as that
    // error, so it is divided out.
    let along = B::float_div(along, B::float_sum_dim(p.clone(), 3));
    let ds = B::float_mul(p, B::float_sub(dp, along));
    narrow::<B>(B::float_mul_scalar(ds, scale.into()), dtype)
}

/// Which keys a query does not see, `[rows or 1, 1, queries, keys]`.
fn hidden<B: Backend>(visible: IntTensor<B>, keys: usize) -> BoolTensor<B> {
    let (device, [rows, queries, _]) = (visible.device(), dims(&visible));
    let shape = Shape::new([rows, 1, queries, keys]);
    let bound = |at: usize| {
        let bound = B::int_slice(visible.clone(), &part([rows, queries, 2], 2, at..at + 1));
        let bound = B::int_reshape(bound, Shape::new([rows, 1, queries, 1]));
        B::int_expand(bound, shape.clone())
    };
    let last = i64::try_from(keys).unwrap_or(i64::MAX);
    let key = B::int_arange(0..last, &device, IntDType::I32);
    let key = B::int_reshape(key, Shape::new([1, 1, 1, keys]));
    let key = B::int_expand(key, shape.clone());
    let store = get_device_settings::<B>(&device).bool_dtype;
    let before = B::int_lower(key.clone(), bound(0), store);
    let behind = B::int_greater_equal(key, bound(1), store);
    B::bool_or(before, behind)
}
