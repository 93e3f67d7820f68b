//! Passes of the objective over micro-batches: one window's gradients and the step they make, or the
//! held-out loss.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use idiolect_tokens::{TokenBatch, TokenRow};

use crate::plan::evaluation_batches;
use crate::{
    AdamW, BoxError, CountMismatch, EvaluationRow, LossSum, RowSize, Share, StepRow, TrainError,
    Trainer, Window, clip_by_global_norm, guard, learning_rate,
};

impl<M: Module> Trainer<'_, M> {
    /// The loss of all micro-batches of a window and the sum of their gradients.
    pub(crate) fn window_gradients(
        &self,
        module: &M,
        window: &Window,
        step: usize,
    ) -> Result<(LossSum, GradientsParams), TrainError> {
        let rows = window.batches.iter().flatten();
        let trained_tokens: usize = rows.map(|&row| self.rows[row].trained_tokens()).sum();
        let mut accumulator = GradientsAccumulator::new();
        let mut sum = 0.0;
        for (part, rows) in window.batches.iter().enumerate() {
            let share = Share {
                divisor: trained_tokens as f64,
                seed: mix(mix(mix(self.config.seed) ^ step as u64) ^ part as u64),
            };
            let (batch, expected) = self.batch(self.rows, rows);
            let measured = self.objective.gradients(module, &batch, share);
            let measured = measured.map_err(|source| TrainError::Objective { step, source })?;
            counted(step, measured.loss, expected)?;
            sum += measured.loss.sum;
            accumulator.accumulate(module, measured.gradients);
        }
        Ok((
            LossSum {
                sum,
                trained_tokens,
            },
            accumulator.grads(),
        ))
    }

    /// The mean loss of the held-out rows, and the share of their tokens that are right.
    pub(crate) fn evaluate(
        &self,
        module: &M,
        step: usize,
        epoch: f64,
    ) -> Result<EvaluationRow, TrainError> {
        let module = module.valid();
        let (mut sum, mut eval_tokens, mut correct) = (0.0, 0, Some(0));
        for rows in evaluation_batches(&row_sizes(self.held_out), self.config.batch_size) {
            let (batch, expected) = self.batch(self.held_out, &rows);
            let found = self.objective.evaluate(&module, &batch);
            let found = found.map_err(|source| TrainError::Objective { step, source })?;
            counted(step, found.loss, expected)?;
            sum += found.loss.sum;
            eval_tokens += found.loss.trained_tokens;
            correct = correct.zip(found.correct).map(|(all, more)| all + more);
        }
        let eval_loss = sum / eval_tokens as f64;
        guard::finite(step, "evaluation loss", eval_loss)?;
        Ok(EvaluationRow {
            step,
            epoch,
            eval_loss,
            eval_tokens,
            eval_accuracy: correct.map(|correct: usize| correct as f64 / eval_tokens as f64),
        })
    }

    /// Gradients of the window, clipped and applied.
    pub(crate) fn step(
        &self,
        module: M,
        optimizer: &mut AdamW,
        (index, rate): (usize, f64),
        window: &Window,
    ) -> Result<(M, StepRow), TrainError> {
        let step = index + 1;
        let (loss, mut gradients) = self.window_gradients(&module, window, step)?;
        let mean = loss.sum / loss.trained_tokens as f64;
        guard::finite(step, "loss", mean)?;
        let grad_norm = clip_by_global_norm(&module, &mut gradients, self.config.clip_norm);
        guard::finite(step, "gradient norm", grad_norm)?;
        let module = optimizer.step(module, gradients, rate);
        let (epoch, trained_tokens) = (window.epoch, loss.trained_tokens);
        Ok((
            module,
            StepRow {
                step,
                epoch,
                loss: mean,
                lr: rate,
                grad_norm,
                trained_tokens,
            },
        ))
    }

    /// Looks once at the parameters that must move: after a few steps that could move them.
    pub(crate) fn guard_moved(
        &self,
        module: &M,
        index: usize,
        steps: usize,
    ) -> Result<(), TrainError> {
        let could_move = |&step: &usize| learning_rate(self.config, step, steps) > 0.0;
        let deciding = (0..steps)
            .filter(could_move)
            .take(guard::STEPS_TO_MOVE)
            .last();
        if deciding == Some(index) {
            guard::moved(module, index + 1, self.must_move)?;
        }
        Ok(())
    }

    /// A padded batch, and its number of trained tokens.
    fn batch(&self, set: &[TokenRow], rows: &[usize]) -> (TokenBatch, usize) {
        let rows: Vec<&TokenRow> = rows.iter().map(|&row| &set[row]).collect();
        let trained_tokens = rows.iter().map(|row| row.trained_tokens()).sum();
        (TokenBatch::new(&rows, self.pad_id), trained_tokens)
    }
}

/// The sizes that a plan is made of.
pub(crate) fn row_sizes(rows: &[TokenRow]) -> Vec<RowSize> {
    let size = |row: &TokenRow| RowSize {
        tokens: row.input_ids.len(),
        trained_tokens: row.trained_tokens(),
    };
    rows.iter().map(size).collect()
}

/// Refuses an objective that counted other tokens than its gradient was divided by.
fn counted(step: usize, loss: LossSum, expected: usize) -> Result<(), TrainError> {
    let found = loss.trained_tokens;
    if found == expected {
        return Ok(());
    }
    let source: BoxError = Box::new(CountMismatch { expected, found });
    Err(TrainError::Objective { step, source })
}

/// `SplitMix64`'s output function: neighbouring inputs give unrelated seeds.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
