//! Passes of the objective over micro-batches: one window's gradients and the step they make, or the
//! held-out loss.

use std::borrow::Cow;

use burn::module::Module;
use burn::optim::GradientsParams;
use idiolect_tokens::{TokenBatch, TokenRow};

use crate::plan::evaluation_batches;
use crate::replica::{Part, Team};
use crate::{
    AdamW, BoxError, EvaluationRow, LossSum, Objective, RowSize, Rows, StepContext, StepRow,
    StepRows, StepStart, TrainConfig, TrainError, Window, clip_by_global_norm, guard,
    learning_rate,
};

/// Names of the two sets in errors.
pub(crate) const TRAINING: &str = "training";
pub(crate) const HELD_OUT: &str = "held-out";

/// The rows of a step, by micro-batch.
type Batches<'a> = Vec<Vec<Cow<'a, TokenRow>>>;

/// An error of the rows of a step.
pub(crate) fn failed(step: usize) -> impl FnOnce(BoxError) -> TrainError {
    move |source| TrainError::StepRows { step, source }
}

/// What every pass of a run needs; the fields are those of a [`crate::Trainer`].
pub(crate) struct Pass<'a, M> {
    pub(crate) config: &'a TrainConfig,
    pub(crate) objective: &'a dyn Objective<M>,
    pub(crate) rows: &'a dyn Rows,
    pub(crate) step_rows: Option<&'a dyn StepRows<M>>,
    pub(crate) held_out: &'a dyn Rows,
    pub(crate) pad_id: u32,
    pub(crate) must_move: &'a dyn Fn(&str) -> bool,
}

impl<M: Module> Pass<'_, M> {
    /// Checks the rows of a set that are all there.
    pub(crate) fn check_known(&self, set: &'static str) -> Result<(), TrainError> {
        let rows = self.set(set);
        if rows.sizes_are_exact() {
            let all: Vec<usize> = (0..rows.count()).collect();
            for chunk in all.chunks(self.config.batch_size) {
                self.fetch(set, chunk)?;
            }
        }
        Ok(())
    }

    fn set(&self, set: &'static str) -> &dyn Rows {
        if set == TRAINING {
            self.rows
        } else {
            self.held_out
        }
    }

    /// The rows of a micro-batch, checked, without those that train nothing.
    fn fetch(
        &self,
        set: &'static str,
        rows: &[usize],
    ) -> Result<Vec<Cow<'_, TokenRow>>, TrainError> {
        let mut found = Vec::with_capacity(rows.len());
        for &number in rows {
            let row = self.set(set).row(number).map_err(|source| {
                let row = number;
                TrainError::Rows { set, row, source }
            })?;
            if let Some(row) = row {
                guard::labels_beside_ids(number, &row)?;
                if row.trained_tokens() > 0 {
                    found.push(row);
                }
            }
        }
        Ok(found)
    }

    /// The rows of a step: those of its window, or those that are made of it.
    fn rows_of(&self, start: StepStart<'_, M>) -> Result<Batches<'_>, TrainError> {
        let Some(made) = self.step_rows else {
            return self.planned(start.window);
        };
        let step = start.step;
        let made = made.begin(start).map_err(failed(step))?;
        let mut number = 0;
        let mut checked = |row: TokenRow| {
            guard::labels_beside_ids(number, &row)?;
            number += 1;
            Ok((row.trained_tokens() > 0).then_some(Cow::Owned(row)))
        };
        let mut batch = |rows: Vec<TokenRow>| {
            let rows = rows.into_iter().filter_map(|row| checked(row).transpose());
            rows.collect()
        };
        made.into_iter().map(&mut batch).collect()
    }

    /// The rows of a window, of which at least one trains something.
    fn planned(&self, window: &Window) -> Result<Batches<'_>, TrainError> {
        let batches = window.batches.iter();
        let found = batches.map(|rows| self.fetch(TRAINING, rows));
        let found: Batches<'_> = found.collect::<Result<_, _>>()?;
        if found.iter().all(Vec::is_empty) {
            let (set, rows) = (TRAINING, window.batches.iter().flatten().count());
            return Err(TrainError::NoTrainedToken { set, rows });
        }
        Ok(found)
    }

    /// The loss of all micro-batches of a window, the sum of their gradients, and their tokens.
    fn window_gradients(
        &self,
        (module, team): (&M, &Team),
        batches: &Batches<'_>,
        step: usize,
    ) -> Result<(LossSum, GradientsParams, usize), TrainError> {
        let rows = || batches.iter().flatten();
        let trained_tokens: usize = rows().map(|row| row.trained_tokens()).sum();
        let tokens = rows().map(|row| row.input_ids.len()).sum();
        let divisor = trained_tokens as f64;
        let parts = self.parts(batches, (step, divisor));
        let mut sums = team.measure(self.objective, module, (step, parts))?;
        // In the order of the window, whichever device they come from.
        sums.losses.sort_by_key(|(place, _)| *place);
        let loss = LossSum {
            sum: sums.losses.iter().map(|(_, sum)| sum).sum(),
            trained_tokens,
        };
        Ok((loss, sums.gradients, tokens))
    }

    /// The micro-batches of a window that train anything.
    fn parts(
        &self,
        batches: &[Vec<Cow<'_, TokenRow>>],
        (step, divisor): (usize, f64),
    ) -> Vec<Part> {
        let part = |(place, rows): (usize, &Vec<Cow<'_, TokenRow>>)| {
            let (batch, trained_tokens) = self.batch(rows, self.config.packing);
            let seed = mix(mix(mix(self.config.seed) ^ step as u64) ^ place as u64);
            Part {
                place,
                batch,
                trained_tokens,
                step: StepContext {
                    divisor,
                    seed,
                    place,
                },
            }
        };
        let batches = batches.iter().enumerate();
        batches
            .filter(|(_, rows)| !rows.is_empty())
            .map(part)
            .collect()
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
            let rows = self.fetch(HELD_OUT, &rows)?;
            if rows.is_empty() {
                continue;
            }
            let (batch, expected) = self.batch(&rows, None);
            let found = self.objective.evaluate(&module, &batch);
            let found = found.map_err(|source| TrainError::Objective { step, source })?;
            guard::counted(step, found.loss, expected)?;
            sum += found.loss.sum;
            eval_tokens += found.loss.trained_tokens;
            correct = correct.zip(found.correct).map(|(all, more)| all + more);
        }
        if eval_tokens == 0 {
            let (set, rows) = (HELD_OUT, self.held_out.count());
            return Err(TrainError::NoTrainedToken { set, rows });
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

    /// Gradients of the window, clipped and applied; beside what they computed, its tokens.
    pub(crate) fn step(
        &self,
        team: &Team,
        optimizer: &mut AdamW,
        rate: f64,
        start: StepStart<'_, M>,
    ) -> Result<(M, StepRow, usize), TrainError> {
        let (step, epoch, module) = (start.step, start.window.epoch, start.module.clone());
        let batches = self.rows_of(start)?;
        let (loss, mut gradients, tokens) =
            self.window_gradients((&module, team), &batches, step)?;
        let mean = loss.sum / loss.trained_tokens.max(1) as f64;
        guard::finite(step, "loss", mean)?;
        let grad_norm = clip_by_global_norm(&module, &mut gradients, self.config.clip_norm);
        guard::finite(step, "gradient norm", grad_norm)?;
        let module = optimizer.step(module, gradients, rate);
        let made = self.step_rows.map(|made| made.end(step));
        let row = StepRow {
            step,
            epoch,
            loss: mean,
            lr: rate,
            grad_norm,
            trained_tokens: loss.trained_tokens,
            more: made.transpose().map_err(failed(step))?.unwrap_or_default(),
        };
        Ok((module, row, tokens))
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
    fn batch(&self, rows: &[Cow<'_, TokenRow>], packing: Option<usize>) -> (TokenBatch, usize) {
        let rows: Vec<&TokenRow> = rows.iter().map(AsRef::as_ref).collect();
        let trained_tokens = rows.iter().map(|row| row.trained_tokens()).sum();
        let batch = match packing {
            Some(capacity) => TokenBatch::packed(&rows, capacity, self.pad_id),
            None => TokenBatch::new(&rows, self.pad_id),
        };
        (batch, trained_tokens)
    }
}

/// The sizes that a plan is made of.
pub(crate) fn row_sizes(rows: &dyn Rows) -> Vec<RowSize> {
    (0..rows.count()).map(|row| rows.size(row)).collect()
}

/// `SplitMix64`'s output function: neighbouring inputs give unrelated seeds.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
