//! The cross entropy of a whole model: every weight of the decoder trains in the same loop as an adapter does.
//!
//! One autodiff graph spans the whole decoder; no block is computed twice here.

use burn::module::Module;
use burn::optim::GradientsParams;
use idiolect_lm::batch::{TrainedTokens, adapter_batch, trained_hidden};
use idiolect_lm::likelihood::head_scores;
use idiolect_model::{Decoder, ModelConfig, NoAdapter, Weights};
use idiolect_tokens::TokenBatch;
use idiolect_train::{
    BoxError, Evaluated, LossSum, Objective, StepContext, StepLoss, chunk_rows, trained_head_loss,
};

/// The cross entropy of a whole decoder's trained tokens.
#[derive(Debug, Clone)]
pub struct FullLoss {
    /// What the weights are the weights of.
    pub config: ModelConfig,
}

impl FullLoss {
    fn decoder(&self, weights: &Weights) -> Decoder {
        Decoder::new(self.config.clone(), weights.clone())
    }
}

impl Objective<Weights> for FullLoss {
    fn gradients(
        &self,
        weights: &Weights,
        batch: &TokenBatch,
        step: StepContext,
    ) -> Result<StepLoss, BoxError> {
        let decoder = self.decoder(weights);
        let TrainedTokens { positions, targets } = TrainedTokens::new(batch);
        let trained_tokens = targets.len();
        let batch = adapter_batch(&decoder, batch, positions, step.seed);
        let hidden = trained_hidden(&decoder, &NoAdapter, &batch);
        let head = decoder.head();
        let (loss, of_head) =
            trained_head_loss(&hidden, &targets, &head, step.divisor, chunk_rows(&head));
        // The graph ends before the head, whose own gradients it starts from: those of these products.
        let of_head = of_head.cast(head.dtype()).autodiff();
        let products = (hidden * loss.gradient.autodiff()).sum() + (head * of_head).sum();
        Ok(StepLoss {
            loss: LossSum {
                sum: loss.sum,
                trained_tokens,
            },
            gradients: GradientsParams::from_grads(products.backward(), weights),
        })
    }

    fn evaluate(&self, weights: &Weights, batch: &TokenBatch) -> Result<Evaluated, BoxError> {
        let decoder = self.decoder(weights);
        let TrainedTokens { positions, targets } = TrainedTokens::new(batch);
        let batch = adapter_batch(&decoder, batch, positions, 0);
        let hidden = trained_hidden(&decoder, &NoAdapter, &batch);
        let head = decoder.head();
        let scores = head_scores(&hidden, &targets, &head, chunk_rows(&head));
        let loss = LossSum {
            sum: scores.nll.iter().map(|x| f64::from(*x)).sum(),
            trained_tokens: targets.len(),
        };
        let correct = scores.correct.iter().filter(|right| **right).count();
        Ok(Evaluated {
            loss,
            correct: Some(correct),
        })
    }

    fn keeps_packed_rows_apart(&self) -> bool {
        // `adapter_batch` makes a mask and positions of each part of a packed line.
        true
    }
}

/// The weights on an autodiff device, every one of them to be trained.
#[must_use]
pub fn trainable(weights: Weights) -> Weights {
    let device = weights.norm.val().device().autodiff();
    weights.set_require_grad(true).fork(&device)
}
