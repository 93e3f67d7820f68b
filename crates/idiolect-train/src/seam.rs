//! The seam between the loop and what it optimises.
//!
//! The loop knows neither the model nor the loss: an objective maps a module and a batch of token
//! rows to a sum of token losses and the gradients of the module's parameters.

use burn::optim::GradientsParams;
use idiolect_tokens::TokenBatch;

use crate::BoxError;

/// What the loop tells an objective about the step that a micro-batch belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Trained tokens of the whole accumulation window: the gradient is that of the micro-batch's
    /// loss sum divided by this number, so that any cutting of the window gives the same step.
    pub divisor: f64,
    /// Seed of all that is random in this pass (dropout), a function of the run's seed and of the
    /// place in the plan. An objective that draws from elsewhere cannot be resumed exactly.
    pub seed: u64,
}

/// A sum of token losses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossSum {
    /// Sum of the losses of the trained tokens, in nats, not divided by anything.
    pub sum: f64,
    /// Number of trained tokens, after the shift.
    pub trained_tokens: usize,
}

/// What an evaluation of a batch computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluated {
    /// The loss.
    pub loss: LossSum,
    /// Trained tokens that the module finds likeliest; none where the objective does not tell.
    pub correct: Option<usize>,
}

/// A loss with the gradients it leaves behind.
#[derive(Debug)]
pub struct Measured {
    /// The loss of the micro-batch.
    pub loss: LossSum,
    /// Gradients of `loss.sum / divisor` by parameter. A parameter without one stays as it is.
    pub gradients: GradientsParams,
}

/// A loss over token batches, for the module `M`.
pub trait Objective<M> {
    /// The loss of a micro-batch and its gradients. `module` is on an autodiff device.
    ///
    /// # Errors
    ///
    /// Whatever the caller's code reports; the run ends with [`crate::TrainError::Objective`].
    fn gradients(&self, module: &M, batch: &TokenBatch, share: Share)
    -> Result<Measured, BoxError>;

    /// The loss of a held-out batch. `module` is off the tape and in evaluation mode.
    ///
    /// # Errors
    ///
    /// Whatever the caller's code reports; the run ends with [`crate::TrainError::Objective`].
    fn loss(&self, module: &M, batch: &TokenBatch) -> Result<LossSum, BoxError>;

    /// The loss of a held-out batch and how many of its tokens were right; the loss alone where
    /// an objective does not say more.
    ///
    /// # Errors
    ///
    /// As [`Objective::loss`].
    fn evaluate(&self, module: &M, batch: &TokenBatch) -> Result<Evaluated, BoxError> {
        let loss = self.loss(module, batch)?;
        let correct = None;
        Ok(Evaluated { loss, correct })
    }
}
