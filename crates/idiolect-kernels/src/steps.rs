//! The steps that this crate exports: those of the device where it has them, else the plain composition.
//!
//! No step knows a model, or a loss other than the cross-entropy of the head.

use burn::tensor::{DType, Tensor};

use crate::{Dropout, Visible, dequantize, plain};

#[cfg(any(feature = "flex", feature = "cube", feature = "remote"))]
use crate::extension;
#[cfg(feature = "flex")]
use crate::flex;

/// Whether the steps have a backward of their own for tensors like `x`, for which autodiff keeps their inputs alone.
#[must_use]
pub fn is_fused<const D: usize>(x: &Tensor<D>) -> bool {
    #[cfg(any(feature = "flex", feature = "cube", feature = "remote"))]
    if extension::serves(x) {
        return true;
    }
    let _ = x;
    false
}

/// The tensor in another type: on the CPU between f32 and bf16 on all threads, where autodiff does not track it, and
/// else by Burn's cast, which has one thread there.
#[must_use]
pub fn cast<const D: usize>(x: Tensor<D>, dtype: DType) -> Tensor<D> {
    if x.dtype() == dtype {
        return x;
    }
    #[cfg(feature = "flex")]
    if let Some(found) = flex::cast(&x, dtype) {
        return found;
    }
    x.cast(dtype)
}

/// `x weight` for rows of vectors.
///
/// Where autodiff tracks neither side, the CPU reads a weight in f32, in bf16 or quantised as it is stored, and adds up in
/// f32; up to 16 rows, as in generation, read it once, and a row's result is the same with any others of as few.
///
/// # Shapes
///
/// - `x`: `[rows, inputs]`
/// - `weight`: `[inputs, outputs]`
/// - result: `[rows, outputs]`
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn product(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    let weight = match flex::product(&x, weight) {
        Ok(y) => return y,
        Err(weight) => weight,
    };
    x.matmul(dequantize(weight))
}

/// `x weight` for every token of a batch: a token's result does not depend on how many others there are, so that an
/// example trains alone as it does in a batch.
///
/// A weight that autodiff does not track is frozen, and so is a quantised one, which alone autodiff then keeps. On the
/// CPU the product with a frozen weight in f32, in bf16 or quantised reads it as it is stored, and adds up in f32; other
/// products are Burn's, for which a quantised weight is dequantised.
///
/// # Shapes
///
/// - `x`: `[rows, tokens, inputs]`
/// - `weight`: `[inputs, outputs]`
/// - result: `[rows, tokens, outputs]`
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn linear(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    if matches!(weight.dtype(), DType::QFloat(_)) {
        return quantized_linear(x, weight);
    }
    #[cfg(feature = "flex")]
    if flex::is_frozen(&x, &weight) {
        return extension::frozen_linear(x, weight);
    }
    #[cfg(feature = "remote")]
    if crate::remote::is_frozen(&x, &weight) {
        return extension::frozen_linear(x, weight);
    }
    burn::tensor::module::linear(x, weight, None)
}

/// Zeros with the gradient of `x` that [`linear`] has, for a pass whose gradients count and not its values.
///
/// Where autodiff tracks the weight, or this crate has no such step, it is the product itself.
///
/// # Shapes
///
/// As for [`linear`].
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn linear_gradient(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    #[cfg(any(feature = "flex", feature = "cube", feature = "remote"))]
    if extension::serves(&x) {
        if matches!(weight.dtype(), DType::QFloat(_)) {
            return extension::quantized_linear_gradient(x, weight);
        }
        if extension::is_frozen(&weight) {
            return extension::frozen_linear_gradient(x, weight);
        }
    }
    linear(x, weight)
}

/// [`linear`] for rows of vectors, as those of a head.
///
/// # Shapes
///
/// - `x`: `[rows, inputs]`
/// - `weight`: `[inputs, outputs]`
/// - result: `[rows, outputs]`
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn linear_of_rows(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let ([rows, inputs], [_, outputs]) = (x.dims(), weight.dims());
    linear(x.reshape([1, rows, inputs]), weight).reshape([rows, outputs])
}

/// [`linear`] with each of some weights for generation: [`product`] where the batch has few tokens, and then all of them
/// at once.
///
/// # Shapes
///
/// - `x`: `[rows, tokens, inputs]`
/// - each of `weights`: `[inputs, outputs]`
/// - each result: `[rows, tokens, outputs]`
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn linear_few_tokens<const N: usize>(x: &Tensor<3>, weights: [Tensor<2>; N]) -> [Tensor<3>; N] {
    #[cfg(feature = "flex")]
    {
        let [rows, tokens, _] = x.dims();
        if rows * tokens <= flex::MOST_ROWS {
            let products = flex::products(x, weights);
            return products.map(|y| y.unwrap_or_else(|weight| linear(x.clone(), weight)));
        }
    }
    weights.map(|weight| linear(x.clone(), weight))
}

/// `x a b` in the type of the factors, as an adapter's update beside a weight of another type.
///
/// `x` is cast for the product alone, so that autodiff keeps it as it is. What `dropout` leaves out of it is made again in
/// the backward pass.
///
/// # Shapes
///
/// - `x`: `[rows, tokens, inputs]`
/// - `a`: `[inputs, rank]`
/// - `b`: `[rank, outputs]`
/// - result: `[rows, tokens, outputs]`
///
/// # Panics
///
/// If the shapes disagree, or `dropout` is that of another shape than `x` has.
#[must_use]
pub fn low_rank(x: Tensor<3>, a: Tensor<2>, b: Tensor<2>, dropout: Option<&Dropout>) -> Tensor<3> {
    if let Some(dropout) = dropout {
        dropout.assert_fits(x.dims());
    }
    #[cfg(any(feature = "flex", feature = "cube", feature = "remote"))]
    if extension::serves(&x) && extension::serves(&a) && extension::serves(&b) {
        return extension::low_rank(x, a, b, dropout.cloned());
    }
    plain::low_rank(x, a, b, dropout)
}

fn quantized_linear(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    #[cfg(any(feature = "flex", feature = "cube", feature = "remote"))]
    if extension::serves(&x) {
        return extension::quantized_linear(x, weight);
    }
    plain::quantized_linear(x, dequantize(weight))
}

/// Root-mean-square norm with its statistics in f32 (Zhang and Sennrich, arXiv 1910.07467):
/// `x / sqrt(mean(x^2) + eps) * scale`.
///
/// The gradient of `scale` is computed only where `scale` is tracked.
///
/// # Shapes
///
/// - `x`: `[rows, tokens, hidden]`, and so is the result
/// - `scale`: `[hidden]`
#[must_use]
pub fn rms_norm(x: Tensor<3>, scale: Tensor<1>, eps: f64) -> Tensor<3> {
    #[cfg(any(feature = "flex", feature = "cube", feature = "remote"))]
    if extension::serves(&x) && extension::serves(&scale) {
        return extension::rms_norm(x, scale, eps);
    }
    plain::rms_norm(x, scale, eps)
}

/// Half-split rotary embedding: `[a, b]` becomes `[a cos - b sin, b cos + a sin]`
/// (Su et al., arXiv 2104.09864, in the layout of Hugging Face checkpoints).
///
/// A view that swaps tokens and heads of a projection is rotated in the projection's order of memory, in place
/// where nothing else owns that memory, and its gradient has the same order.
/// `cos` and `sin` get no gradient.
///
/// # Shapes
///
/// - `x`: `[rows, heads, tokens, head_dim]`, and so is the result
/// - `cos`, `sin`: `[rows or 1, 1, tokens, head_dim / 2]` in f32
#[must_use]
pub fn rotate(x: Tensor<4>, cos: Tensor<4>, sin: Tensor<4>) -> Tensor<4> {
    #[cfg(any(feature = "flex", feature = "cube", feature = "remote"))]
    if extension::serves(&x) && extension::serves(&cos) && extension::serves(&sin) {
        return extension::rotate(x, cos, sin);
    }
    plain::rotate(x, cos, sin)
}

/// `silu(gate) * up` (Shazeer, arXiv 2002.05202), in the memory of `gate` where nothing else owns it.
///
/// # Shapes
///
/// - `gate`, `up`: `[rows, tokens, width]`, and so is the result
#[must_use]
pub fn swiglu(gate: Tensor<3>, up: Tensor<3>) -> Tensor<3> {
    #[cfg(any(feature = "flex", feature = "cube", feature = "remote"))]
    if extension::serves(&gate) && extension::serves(&up) {
        return extension::swiglu(gate, up);
    }
    plain::swiglu(gate, up)
}

/// `x` with 0 in the place of what dropout leaves out, and the rest divided by the share of what is kept (Srivastava et
/// al., JMLR 15, 2014), in f32. The backward pass makes the mask again.
///
/// # Shapes
///
/// - `x`: `[rows, tokens, channels]`, and so is the result
///
/// # Panics
///
/// If there are not as many numbers as tokens of all rows and channels, or one is too large.
#[must_use]
pub fn dropped(x: Tensor<3>, dropout: &Dropout) -> Tensor<3> {
    dropout.assert_fits(x.dims());
    #[cfg(any(feature = "flex", feature = "cube", feature = "remote"))]
    if extension::serves(&x) {
        return extension::dropped(x, dropout.clone());
    }
    plain::dropped(x, dropout)
}

/// Softmax attention, `softmax(q k^T / sqrt(head_dim)) v` over the keys that each query sees, in which a group of
/// query heads shares a key head.
///
/// No scores are kept: the backward pass computes them again (Dao et al., arXiv 2205.14135, Algorithm 4). The fused
/// step of the CPU keeps two numbers for each row of scores and skips the keys that no query of a tile sees; its
/// result has the memory order `[rows, tokens, heads, head_dim]`, so that joining the heads copies nothing.
/// Elsewhere the scores of a piece of rows, heads and queries exist at a time, 256 MiB of them at most.
///
/// # Shapes
///
/// - `q`: `[rows, heads, tokens, head_dim]`, and so is the result
/// - `k`, `v`: `[rows, kv_heads, keys, head_dim]`, where `kv_heads` divides `heads`
/// - `visible`: of one row or of `rows`, with `tokens` queries; `None` where each sees every key
#[must_use]
pub fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, visible: Option<&Visible>) -> Tensor<4> {
    #[cfg(any(feature = "flex", feature = "cube", feature = "remote"))]
    if [&q, &k, &v].into_iter().all(extension::serves) {
        return extension::attention(q, k, v, visible);
    }
    let mask = visible.map(|visible| visible.mask(k.dims()[2]));
    plain::attention(q, k, v, mask)
}
