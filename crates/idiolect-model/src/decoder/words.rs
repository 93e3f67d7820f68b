//! New words: rows of embedding and head for tokens that a tokenizer has more.

use burn::module::Param;
use burn::tensor::{DType, Tensor};
use idiolect_kernels::dequantize;

use super::Decoder;

impl Decoder {
    /// The decoder with rows for new tokens in embedding and head, each the mean of the existing rows
    /// (Hewitt, nlp.stanford.edu/~johnhew/vocab-expansion.html; transformers adds noise to it).
    /// A new token whose id is below `vocab_size`, as in checkpoints with spare rows, has its row replaced by
    /// that mean.
    #[must_use]
    pub fn with_tokens(mut self, ids: &[u32]) -> Self {
        let frozen = |weight: Tensor<2>| Param::from_tensor(weight).set_require_grad(false);
        let ids: Vec<usize> = ids.iter().map(|id| *id as usize).collect();
        let embedding = grown(dequantize(self.weights.embedding.val()), &ids);
        self.config.vocab_size = embedding.dims()[0];
        self.weights.embedding = frozen(embedding);
        let head = self
            .weights
            .head
            .map(|head| dequantize(head.val()).transpose());
        self.weights.head = head.map(|head| frozen(grown(head, &ids).transpose()));
        self
    }
}

/// The matrix with the mean of all its rows in those of `ids`, and with as many new rows as they need.
fn grown(rows: Tensor<2>, ids: &[usize]) -> Tensor<2> {
    let [count, width] = rows.dims();
    let mean = rows.clone().cast(DType::F32).mean_dim(0).cast(rows.dtype());
    let needed = ids.iter().map(|id| id + 1).max().unwrap_or(0);
    let added = needed.saturating_sub(count);
    let all = if added > 0 {
        Tensor::cat(vec![rows, mean.clone().expand([added, width])], 0)
    } else {
        rows
    };
    let spare = ids.iter().filter(|id| **id < count);
    spare.fold(all, |all, &id| {
        all.slice_assign([id..=id, 0..=width - 1], mean.clone())
    })
}
