//! What the cross-entropy of rows returns.

use burn::tensor::Tensor;

/// The cross-entropy of rows of logits, with its gradient.
#[derive(Debug, Clone)]
pub struct RowLoss {
    /// Negative log-likelihood of each row's target in nats, `[rows]` in f32. Reading it waits for the device.
    pub nll: Tensor<1>,
    /// The gradient of the logits, `(softmax - onehot(target)) * scale`, `[rows, vocab]`: in f32, on a GPU in the type
    /// of the logits.
    pub gradient: Tensor<2>,
}
