//! The sizes of a call of attention, and its tensors with query heads by themselves or by groups.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::Shape;

use crate::extension::composed::dims;

/// The sizes of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) rows: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) tokens: usize,
    pub(super) keys: usize,
    pub(super) width: usize,
}

impl Sizes {
    pub(super) fn new(q: &impl TensorMetadata, k: &impl TensorMetadata) -> Self {
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
    pub(super) fn group(self) -> usize {
        self.heads / self.kv_heads
    }
}

impl Sizes {
    pub(super) fn grouped<B: Backend>(self, x: FloatTensor<B>) -> FloatTensor<B> {
        self.with_tokens::<B>(x, [self.kv_heads, self.group() * self.tokens, self.width])
    }

    pub(super) fn by_heads<B: Backend>(self, x: FloatTensor<B>) -> FloatTensor<B> {
        self.with_tokens::<B>(x, [self.heads, self.tokens, self.width])
    }

    pub(super) fn scores_by_heads<B: Backend>(self, x: FloatTensor<B>) -> FloatTensor<B> {
        self.with_tokens::<B>(x, [self.heads, self.tokens, self.keys])
    }

    pub(super) fn scores_by_groups<B: Backend>(self, x: FloatTensor<B>) -> FloatTensor<B> {
        self.with_tokens::<B>(x, [self.kv_heads, self.group() * self.tokens, self.keys])
    }

    /// The tensor with these axes behind its rows; itself where each key head has one query head.
    fn with_tokens<B: Backend>(self, x: FloatTensor<B>, [a, b, c]: [usize; 3]) -> FloatTensor<B> {
        if self.group() == 1 {
            return x;
        }
        B::float_reshape(x, Shape::new([self.rows, a, b, c]))
    }
}
