//! Tensors of attention with query heads by themselves or by groups.

use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;

use crate::extension::attention::Sizes;

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
