//! Attention of queries whose scores fit into one buffer, in both directions.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::DType;

use crate::extension::attention::Sizes;
use crate::extension::scores::Scores;

/// Queries whose scores are computed together, with the keys and values that they see.
pub(super) struct Piece<B: Backend> {
    sizes: Sizes,
    /// `[rows, kv_heads, group * tokens, width]`: heads of one group are neighbours, so the group is part of the axis
    /// of tokens.
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    visible: IntTensor<B>,
    /// What queries are multiplied by before the product: scores of large values pass f16's range.
    before: Option<f64>,
    /// What scores are multiplied by in the softmax.
    inside: f64,
}

impl<B: Scores> Piece<B> {
    pub(super) fn new([q, k, v]: [FloatTensor<B>; 3], visible: IntTensor<B>) -> Self {
        let sizes = Sizes::new(&q, &k);
        let scale = (sizes.width as f64).sqrt().recip();
        let is_half = q.dtype() == DType::F16;
        let (before, inside) = if is_half {
            (Some(scale), 1.0)
        } else {
            (None, scale)
        };
        let piece = Self {
            sizes,
            q: sizes.grouped::<B>(q),
            k,
            v,
            visible,
            before,
            inside,
        };
        Self {
            q: piece.times_before(piece.q.clone()),
            ..piece
        }
    }

    pub(super) fn forward(self) -> FloatTensor<B> {
        let p = self.weights();
        let out = B::float_matmul(p, self.v);
        self.sizes.by_heads::<B>(out)
    }

    /// The gradients of queries, keys and values.
    pub(super) fn backward(self, dy: FloatTensor<B>) -> [FloatTensor<B>; 3] {
        let dy = self.sizes.grouped::<B>(dy);
        let p = self.weights();
        let dp = B::float_matmul(dy.clone(), B::float_swap_dims(self.v.clone(), 2, 3));
        let dv = B::float_matmul(B::float_swap_dims(p.clone(), 2, 3), dy);
        let [p, dp] = [p, dp].map(|x| self.sizes.scores_by_heads::<B>(x));
        let ds = B::softmax_rows_backward(p, dp, self.inside);
        let ds = self.sizes.scores_by_groups::<B>(ds);
        let dk = B::float_matmul(B::float_swap_dims(ds.clone(), 2, 3), self.q.clone());
        let dq = self.times_before(B::float_matmul(ds, self.k.clone()));
        [self.sizes.by_heads::<B>(dq), dk, dv]
    }

    /// `P`, `[rows, kv_heads, group * tokens, keys]`.
    fn weights(&self) -> FloatTensor<B> {
        let keys = B::float_swap_dims(self.k.clone(), 2, 3);
        let scores = B::float_matmul(self.q.clone(), keys);
        let scores = self.sizes.scores_by_heads::<B>(scores);
        let p = B::softmax_rows(scores, self.visible.clone(), self.inside);
        self.sizes.scores_by_groups::<B>(p)
    }

    fn times_before(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        match self.before {
            Some(scale) => B::float_mul_scalar(x, scale.into()),
            None => x,
        }
    }
}
