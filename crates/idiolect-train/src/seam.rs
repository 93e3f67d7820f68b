//! What the caller gives to the loop: where rows come from, and what is optimised.
//!
//! The loop knows neither files nor the model nor the loss: rows come one at a time, and an
//! objective maps a module and a batch of token rows to a sum of token losses and the gradients of
//! the module's parameters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use idiolect_tokens::{TokenBatch, TokenRow};

use crate::{BoxError, RowSize, Window};

/// Rows to train on or to evaluate, by their number.
///
/// Rows in memory (a vector, an array, a slice) are such rows; rows that are read as they are
/// needed are another implementation.
pub trait Rows {
    /// Number of rows.
    fn count(&self) -> usize;

    /// Size of a row below [`Rows::count`]. Without [`Rows::sizes_are_exact`] it is a guess that
    /// orders rows by length (bytes will do), and `trained_tokens` is at least 1.
    fn size(&self, row: usize) -> RowSize;

    /// Whether sizes are exact, because all rows are there: then every row is checked before the
    /// first step, and else as it comes.
    fn sizes_are_exact(&self) -> bool;

    /// A row, the same at each call; none where it is to be left out.
    ///
    /// # Errors
    ///
    /// Whatever the caller's code reports; the run ends with [`crate::TrainError::Rows`].
    fn row(&self, row: usize) -> Result<Option<Cow<'_, TokenRow>>, BoxError>;

    /// Tells these rows from others when a run is resumed.
    fn fingerprint(&self) -> String;
}

impl<T: AsRef<[TokenRow]>> Rows for T {
    fn count(&self) -> usize {
        self.as_ref().len()
    }

    fn size(&self, row: usize) -> RowSize {
        let row = &self.as_ref()[row];
        RowSize {
            tokens: row.input_ids.len(),
            trained_tokens: row.trained_tokens(),
        }
    }

    fn sizes_are_exact(&self) -> bool {
        true
    }

    fn row(&self, row: usize) -> Result<Option<Cow<'_, TokenRow>>, BoxError> {
        Ok(self.as_ref().get(row).map(Cow::Borrowed))
    }

    fn fingerprint(&self) -> String {
        fingerprint(self.as_ref())
    }
}

/// A step that is about to begin.
pub struct StepStart<'a, M> {
    /// 1-based optimiser step.
    pub step: usize,
    /// The rows of the plan that are its turn.
    pub window: &'a Window,
    /// The module as the step finds it, on the tape.
    pub module: &'a M,
    /// Its moving average, on the tape too; none where the run keeps none.
    pub average: Option<&'a M>,
}

/// Rows that are made when their step comes, of the module as it is then: its own answers, for example.
///
/// The plan is that of the run's [`Rows`], which stand for what the made rows come from.
pub trait StepRows<M> {
    /// Told once, before the first step of this process, how many steps a checkpoint has done already.
    ///
    /// # Errors
    ///
    /// Whatever the caller's code reports; the run ends with [`crate::TrainError::StepRows`].
    fn resume(&self, done: usize) -> Result<(), BoxError>;

    /// The micro-batches of a step; rows without a trained token, and micro-batches without a row, are left out
    /// of it. A step of which nothing is left changes nothing.
    ///
    /// # Errors
    ///
    /// As [`StepRows::resume`].
    fn begin(&self, start: StepStart<'_, M>) -> Result<Vec<Vec<TokenRow>>, BoxError>;

    /// Told that a step was made; what it is to say in `metrics.jsonl` beside the loss, by name. Whatever it keeps
    /// must lie on the disk when it returns: a checkpoint may follow.
    ///
    /// # Errors
    ///
    /// As [`StepRows::resume`].
    fn end(&self, step: usize) -> Result<BTreeMap<String, f64>, BoxError>;
}

/// FNV-1a over ids and labels, in hexadecimal: tells other rows from the same, no more.
fn fingerprint(rows: &[TokenRow]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |bytes: &[u8]| {
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for row in rows {
        add(&row.input_ids.len().to_le_bytes());
        row.input_ids.iter().for_each(|id| add(&id.to_le_bytes()));
        row.labels
            .iter()
            .for_each(|label| add(&label.to_le_bytes()));
    }
    format!("{hash:016x}")
}

/// What the loop tells an objective about the step that a micro-batch belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepContext {
    /// Trained tokens of the whole accumulation window: the gradient is that of the micro-batch's
    /// loss sum divided by this number, so that any cutting of the window gives the same step.
    pub divisor: f64,
    /// Seed of all that is random in this pass (dropout), a function of the run's seed and of the
    /// place in the plan. An objective that draws from elsewhere cannot be resumed exactly.
    pub seed: u64,
    /// Which micro-batch of the window this is, from 0; those that train nothing count too.
    pub place: usize,
}

/// A sum of token losses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossSum {
    /// Sum of the losses of the trained tokens, in nats, not divided by anything.
    pub sum: f64,
    /// Number of trained tokens, after the shift.
    pub trained_tokens: usize,
}

impl LossSum {
    /// The sum that a tensor holds.
    ///
    /// # Shapes
    ///
    /// - sum: `[1]`
    #[must_use]
    pub fn new(sum: Tensor<1>, trained_tokens: usize) -> Self {
        Self {
            sum: sum.into_data().iter::<f64>().sum(),
            trained_tokens,
        }
    }
}

/// What an evaluation of a batch computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluated {
    /// The loss.
    pub loss: LossSum,
    /// Trained tokens that the module finds likeliest; none where the objective does not tell.
    pub correct: Option<usize>,
}

impl Evaluated {
    /// The loss that a tensor holds, without a count of right tokens.
    ///
    /// # Shapes
    ///
    /// - sum: `[1]`, the sum of the losses of `trained_tokens` tokens
    #[must_use]
    pub fn new(sum: Tensor<1>, trained_tokens: usize) -> Self {
        LossSum::new(sum, trained_tokens).into()
    }
}

impl From<LossSum> for Evaluated {
    /// A loss without a count of right tokens.
    fn from(loss: LossSum) -> Self {
        Self {
            loss,
            correct: None,
        }
    }
}

/// A loss with the gradients it leaves behind.
#[derive(Debug)]
pub struct StepLoss {
    /// The loss of the micro-batch.
    pub loss: LossSum,
    /// Gradients of `loss.sum / divisor` by parameter. A parameter without one stays as it is.
    pub gradients: GradientsParams,
}

impl StepLoss {
    /// A loss whose gradients autodiff computes: all that an objective without a backward of its own needs.
    ///
    /// # Shapes
    ///
    /// - sum: `[1]`, the sum of the token losses, on the tape of the module's parameters
    #[must_use]
    pub fn new<M: Module>(
        module: &M,
        sum: Tensor<1>,
        trained_tokens: usize,
        step: StepContext,
    ) -> Self {
        let tape = (sum.clone() / step.divisor).backward();
        Self {
            loss: LossSum::new(sum.inner(), trained_tokens),
            gradients: GradientsParams::from_grads(tape, module),
        }
    }
}

/// A loss over token batches, for the module `M`.
pub trait Objective<M> {
    /// The loss of a micro-batch and its gradients. `module` is on an autodiff device.
    ///
    /// # Errors
    ///
    /// Whatever the caller's code reports; the run ends with [`crate::TrainError::Objective`].
    fn gradients(
        &self,
        module: &M,
        batch: &TokenBatch,
        step: StepContext,
    ) -> Result<StepLoss, BoxError>;

    /// The loss of a held-out batch, and how many of its tokens were right where the objective counts
    /// them. `module` is off the tape and in evaluation mode. [`Evaluated::new`] makes it of a tensor.
    ///
    /// # Errors
    ///
    /// Whatever the caller's code reports; the run ends with [`crate::TrainError::Objective`].
    fn evaluate(&self, module: &M, batch: &TokenBatch) -> Result<Evaluated, BoxError>;

    /// Whether the loss keeps the rows of a packed line apart, by [`TokenBatch::packed_lengths`]: each token
    /// sees only tokens of its own row, at positions counted from that row's beginning. Default false:
    /// [`crate::TrainConfig::packing`] is then refused, as rows would see each other.
    fn keeps_packed_rows_apart(&self) -> bool {
        false
    }
}
