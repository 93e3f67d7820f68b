//! What attention takes and gives, on a backend's own tensors, and its sizes.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, ExtensionType, TensorMetadata};

use super::composed::dims;

/// What attention is computed from.
#[derive(Debug, Clone, ExtensionType)]
#[extension_type(fusion: cfg(any(feature = "cube", feature = "remote")))]
pub(crate) struct AttentionInputs<B: Backend> {
    /// `[rows, heads, tokens, head_dim]`.
    pub(crate) q: FloatTensor<B>,
    /// `[rows, kv_heads, keys, head_dim]`.
    pub(crate) k: FloatTensor<B>,
    /// As `k`.
    pub(crate) v: FloatTensor<B>,
    /// The first key and the one behind the last that a query sees, `[rows or 1, tokens, 2]`.
    pub(crate) visible: IntTensor<B>,
}

/// What attention hands to its backward pass beside its inputs.
#[derive(Debug, Clone, ExtensionType)]
#[extension_type(fusion: cfg(any(feature = "cube", feature = "remote")))]
pub(crate) enum Kept<B: Backend> {
    /// Nothing: scores and their softmax are computed again.
    Nothing,
    /// Maximum and inverse sum of each row of scores, `[rows, tokens, heads, 2]`.
    Sums(FloatTensor<B>),
}

/// The result of attention.
#[derive(Debug, Clone, ExtensionType)]
#[extension_type(fusion: cfg(any(feature = "cube", feature = "remote")))]
pub(crate) struct Attended<B: Backend> {
    /// `[rows, heads, tokens, head_dim]`.
    pub(crate) out: FloatTensor<B>,
    /// What the backward pass needs.
    #[extension_type]
    pub(crate) kept: Kept<B>,
}

/// The sizes of one call of attention.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) rows: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) tokens: usize,
    pub(crate) keys: usize,
    pub(crate) width: usize,
}

impl Sizes {
    /// Those of queries and keys.
    pub(crate) fn new(q: &impl TensorMetadata, k: &impl TensorMetadata) -> Self {
        let ([rows, heads, tokens, width], [_, kv_heads, keys, _]) = (dims(q), dims(k));
        Self {
            rows,
            heads,
            kv_heads,
            tokens,
            keys,
            width,
        }
    }

    /// Query heads that share a key head.
    pub(crate) fn group(&self) -> usize {
        self.heads / self.kv_heads
    }
}
