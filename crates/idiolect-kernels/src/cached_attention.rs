//! Attention of a few new tokens over a KV cache in one step, where the device has it: on the CPU.

use burn::tensor::Tensor;

use crate::CachedPass;

#[cfg(feature = "flex")]
use crate::flex;

/// Rotates queries and keys ([`crate::rotate`]), writes keys and values ([`crate::write_cache`]), and computes the
/// attention of the queries ([`crate::attention`]), with the numbers of these steps.
///
/// Queries, keys and values come back, and nothing is written, where the step does not serve them: off the CPU, in a
/// type other than f32 and bf16 or another than the caches have, where autodiff tracks one of them, where a row has
/// more than three tokens, and in bf16 where queries are multiplied.
///
/// # Shapes
///
/// - queries: `[1, tokens, heads * head_dim]`, the tokens of the rows one after the other; and so is the result
/// - keys, values: `[1, tokens, kv_heads * head_dim]`
/// - `caches`: `[rows, kv_heads, capacity, head_dim]` each
///
/// # Errors
///
/// The queries, keys and values that are not served.
///
/// # Panics
///
/// If the shapes disagree, or a place is outside the caches.
#[allow(
    clippy::result_large_err,
    reason = "what is not taken is handed back as it came"
)]
pub fn attend_cached(
    pass: &CachedPass<'_>,
    tokens: [Tensor<3>; 3],
    caches: [&mut Tensor<4>; 2],
) -> Result<Tensor<3>, [Tensor<3>; 3]> {
    pass.places.assert_inside(caches[0].dims());
    #[cfg(feature = "flex")]
    {
        flex::attend_cached(pass, tokens, caches)
    }
    #[cfg(not(feature = "flex"))]
    {
        Err(tokens)
    }
}
