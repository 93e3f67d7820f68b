//! Attention from Burn's own operations.

use burn::tensor::{Tensor, activation};

use super::{back_to, wide};

/// [`crate::attention`] from Burn's own operations, with its scores in one tensor.
///
/// # Shapes
///
/// - `q`: `[rows, heads, tokens, head_dim]`, and so is the result
/// - `k`, `v`: `[rows, kv_heads, keys, head_dim]`, where `kv_heads` divides `heads`
/// - `mask`: `[rows or 1, 1, tokens, keys]`, added to the scores
#[must_use]
pub fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, mask: Option<Tensor<4>>) -> Tensor<4> {
    let [rows, heads, tokens, width] = q.dims();
    let [_, kv_heads, keys, _] = k.dims();
    let group = heads / kv_heads;
    let dtype = q.dtype();
    // Heads of one group are neighbours, so the group becomes part of the token axis without a copy.
    let q = q.mul_scalar((width as f64).sqrt().recip());
    let q = q.reshape([rows, kv_heads, group * tokens, width]);
    let scores = wide(
        q.matmul(k.swap_dims(2, 3))
            .reshape([rows, heads, tokens, keys]),
    );
    let scores = match mask {
        Some(mask) => scores + mask,
        None => scores,
    };
    let weights = back_to(activation::softmax(scores, 3), dtype);
    let weights = weights.reshape([rows, kv_heads, group * tokens, keys]);
    weights.matmul(v).reshape([rows, heads, tokens, width])
}
