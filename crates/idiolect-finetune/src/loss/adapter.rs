//! The loss of an adapter on a frozen decoder: cross entropy of the trained tokens, or the divergence from the
//! decoder without the adapter at their positions.

use std::borrow::Cow;

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use idiolect_lm::batch::{TrainedTokens, adapter_batch, trained_hidden};
use idiolect_lm::device::is_cpu;
use idiolect_lm::likelihood::head_scores;
use idiolect_lora::{AdapterBatch, Checkpointing, HeadGradient, LoraAdapter, adapter_gradients};
use idiolect_model::{Decoder, NoAdapter};
use idiolect_tokens::TokenBatch;
use idiolect_train::{
    BoxError, CHUNK_ROWS, Evaluated, HeadLoss, LossSum, Objective, StepContext, StepLoss,
    chunk_rows, head_divergence, head_loss, scale_gradients, trained_head_loss,
};

use super::kind::Loss;
use super::stored::StoredDistributions;

/// Tokens that the width of a batch is a multiple of on a device that tunes its kernels for each shape.
const WIDTH_STEP: usize = 32;

/// The loss of an adapter on a frozen decoder. Modules that train whole do so by their cross entropy alone.
#[derive(Debug, Clone, Copy)]
pub struct AdapterLoss<'a> {
    /// The frozen weights.
    pub decoder: &'a Decoder,
    /// How much of the forward pass is kept for the backward pass.
    pub checkpointing: Checkpointing,
    /// What is minimised.
    pub loss: Loss,
    /// The distributions of [`Loss::StoredKl`]; without them every token has the negative log-likelihood.
    pub stored: Option<&'a StoredDistributions>,
}

/// Hidden states that predict trained tokens, and what is needed to compute them again.
struct Head<'a> {
    hidden: &'a Tensor<2>,
    weight: &'a Tensor<2>,
    targets: &'a [i64],
    /// Numbers of the teacher's distributions, one for each target; 0 where there is none.
    teacher: &'a [u64],
    batch: &'a AdapterBatch,
}

/// Where the gradients of a step are divided: their product is the step's divisor.
struct Divisors {
    /// At the head, before they go through the model in its type.
    of_head: f64,
    /// At the parameters, which are in f32.
    of_adapter: f64,
}

impl Divisors {
    /// In f16 the gradient of one token among thousands has no whole precision left, so that it is divided where it
    /// arrives; every other type has the exponents of f32.
    fn new(decoder: &Decoder, divisor: f64) -> Self {
        let is_narrow = decoder.weights.norm.val().dtype() == DType::F16;
        let (of_head, of_adapter) = if is_narrow {
            (1.0, divisor)
        } else {
            (divisor, 1.0)
        };
        Self {
            of_head,
            of_adapter,
        }
    }
}

impl AdapterLoss<'_> {
    /// The loss of a frozen head; its gradient is that of the loss divided by `divisor`.
    fn frozen_head(&self, head: &Head<'_>, divisor: f64) -> Result<HeadLoss, BoxError> {
        let Head {
            hidden,
            weight,
            targets,
            teacher,
            batch,
        } = head;
        if let (Loss::StoredKl, Some(stored)) = (self.loss, self.stored) {
            return Ok(stored.head_loss(hidden, (targets, teacher), weight, divisor)?);
        }
        Ok(match self.loss.divergence() {
            None => head_loss(hidden, targets, weight, divisor, chunk_rows(weight)),
            Some(kind) => {
                let base = trained_hidden(self.decoder, &NoAdapter, batch);
                head_divergence((hidden, &base), weight, kind, divisor, CHUNK_ROWS)
            }
        })
    }
}

impl Objective<LoraAdapter> for AdapterLoss<'_> {
    fn gradients(
        &self,
        adapter: &LoraAdapter,
        batch: &TokenBatch,
        step: StepContext,
    ) -> Result<StepLoss, BoxError> {
        let batch = &*even(batch, &self.decoder.device());
        let TrainedTokens { positions, targets } = TrainedTokens::new(batch);
        let teacher = teacher_of(batch, &positions);
        let batch = adapter_batch(self.decoder, batch, positions, step.seed);
        let Divisors {
            of_head,
            of_adapter,
        } = Divisors::new(self.decoder, step.divisor);
        let weight = adapter.valid().decoder(self.decoder).head();
        let mut sum = 0.0;
        let head = |hidden: Tensor<2>| {
            let (loss, weight) = if adapter.whole.trains_head() {
                let both =
                    trained_head_loss(&hidden, &targets, &weight, of_head, chunk_rows(&weight));
                (both.0, Some(both.1))
            } else {
                let head = Head {
                    hidden: &hidden,
                    weight: &weight,
                    targets: &targets,
                    teacher: &teacher,
                    batch: &batch,
                };
                (self.frozen_head(&head, of_head)?, None)
            };
            sum = loss.sum;
            Ok::<_, BoxError>(HeadGradient {
                hidden: loss.gradient,
                weight,
            })
        };
        let mut gradients =
            adapter_gradients(self.decoder, adapter, &batch, self.checkpointing, head)?;
        if of_adapter > 1.0 {
            scale_gradients(adapter, &mut gradients, 1.0 / of_adapter);
        }
        Ok(StepLoss {
            loss: LossSum {
                sum,
                trained_tokens: targets.len(),
            },
            gradients,
        })
    }

    fn evaluate(&self, adapter: &LoraAdapter, batch: &TokenBatch) -> Result<Evaluated, BoxError> {
        let batch = &*even(batch, &self.decoder.device());
        let TrainedTokens { positions, targets } = TrainedTokens::new(batch);
        let teacher = teacher_of(batch, &positions);
        let decoder = adapter.decoder(self.decoder);
        let batch = adapter_batch(&decoder, batch, positions, 0);
        let hidden = trained_hidden(&decoder, adapter, &batch);
        let weight = decoder.head();
        let scores = head_scores(&hidden, &targets, &weight, chunk_rows(&weight));
        let head = Head {
            hidden: &hidden,
            weight: &weight,
            targets: &targets,
            teacher: &teacher,
            batch: &batch,
        };
        let sum = match self.loss {
            Loss::CrossEntropy => scores.nll.iter().map(|x| f64::from(*x)).sum(),
            _ => self.frozen_head(&head, 1.0)?.sum,
        };
        Ok(Evaluated {
            loss: LossSum {
                sum,
                trained_tokens: targets.len(),
            },
            correct: Some(scores.correct.iter().filter(|right| **right).count()),
        })
    }

    fn keeps_packed_rows_apart(&self) -> bool {
        // `adapter_batch` makes a mask and positions of each part of a packed line.
        true
    }
}

/// Numbers of the teacher's distributions of the tokens behind some positions; 0 where there is none.
fn teacher_of(batch: &TokenBatch, positions: &[i64]) -> Vec<u64> {
    let number = |position: &i64| {
        let behind = usize::try_from(*position).ok()?.checked_add(1)?;
        batch.teacher.get(behind).copied()
    };
    let numbers = positions.iter().map(number);
    numbers.map(Option::unwrap_or_default).collect()
}

/// The batch as the CPU takes it, or in one of few widths elsewhere.
pub(crate) fn even<'a>(batch: &'a TokenBatch, device: &Device) -> Cow<'a, TokenBatch> {
    if is_cpu(device) {
        Cow::Borrowed(batch)
    } else {
        Cow::Owned(batch.widened(WIDTH_STEP, 0))
    }
}
