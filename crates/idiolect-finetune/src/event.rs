//! What a fine-tuning tells while it runs.

use std::fmt;
use std::path::PathBuf;

use idiolect_input::counted;
use idiolect_train::{EvaluationRow, StepRow, TimingRow};

use crate::{MemoryPlan, StoredCount};

/// What a fine-tuning tells while it runs; shown, each is one line.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TrainingEvent {
    /// Rows were too long, and the settings say to drop or to cut them.
    RowsTruncated {
        /// Rows left out; of rows that are read as they are needed, once for each time that one came up.
        dropped: usize,
        /// Rows that lost their end, or a part of each turn.
        cut: usize,
        /// Of those cut, rows that lost their last trained token; they are left out too.
        lost: usize,
    },
    /// Rows have no response but the token that ends it: training on them teaches to say nothing. Of rows that are read
    /// as they are needed nobody looks.
    ResponsesEmpty {
        /// How many.
        rows: usize,
        /// The id of the first.
        first: String,
    },
    /// The loss is the divergence from stored distributions: what of the rows has them, held-out ones included.
    Stored(StoredCount),
    /// Rows cannot be used, and the settings say to skip them.
    RowsSkipped {
        /// How many.
        rows: usize,
        /// The first, with what is wrong with it.
        first: String,
        /// The list of all of them; none for a run without a directory.
        list: Option<PathBuf>,
    },
    /// The run was to resume, and its directory has no checkpoint: it begins anew.
    NothingToResume {
        /// Where checkpoints were looked for.
        path: PathBuf,
    },
    /// The rows of a micro-batch were left open, and are chosen by the memory of the run.
    BatchChosen {
        /// Rows of a micro-batch.
        batch_size: usize,
        /// Micro-batches of an optimiser step.
        accumulation: usize,
    },
    /// The run is laid out and begins.
    Planned {
        /// Memory and work.
        plan: MemoryPlan,
        /// Optimiser steps of the whole run.
        steps: usize,
        /// Steps that a checkpoint has already done.
        done: usize,
        /// Rows without a trained token; they are left out.
        untrained_rows: usize,
    },
    /// The run has few steps, and `max_steps` did not ask for them.
    FewSteps {
        /// Optimiser steps of the whole run.
        steps: usize,
    },
    /// An optimiser step is done.
    Step {
        /// What it computed.
        row: StepRow,
        /// What it cost.
        timing: TimingRow,
        /// Optimiser steps of the whole run.
        steps: usize,
    },
    /// The held-out rows were evaluated.
    Evaluated(EvaluationRow),
    /// A checkpoint was written.
    Checkpoint {
        /// Optimiser steps done.
        step: usize,
        /// Its folder.
        path: PathBuf,
    },
    /// Numbers did not reach the server that was to keep them; the run directory has them all.
    NotTracked {
        /// What is missing, and why.
        problem: String,
    },
    /// The run has come to its end, or no better evaluation was to be waited for.
    Done {
        /// Optimiser steps done.
        steps: usize,
    },
}

impl TrainingEvent {
    /// Whether it is a line that is told once: what is unusual about the rows, the settings or the run.
    #[must_use]
    pub fn is_note(&self) -> bool {
        matches!(
            self,
            Self::RowsTruncated { .. }
                | Self::ResponsesEmpty { .. }
                | Self::Stored(_)
                | Self::RowsSkipped { .. }
                | Self::NothingToResume { .. }
                | Self::BatchChosen { .. }
                | Self::FewSteps { .. }
                | Self::NotTracked { .. }
        )
    }
}

impl TrainingEvent {
    /// Where a run that was begun before goes on, or that it is finished; nothing for a new run and for other events.
    #[must_use]
    pub fn resumption(&self) -> Option<String> {
        let Self::Planned { steps, done, .. } = self else {
            return None;
        };
        match *done {
            0 => None,
            all if all == *steps => Some(format!(
                "the run is finished: all {} are done",
                counted(*steps, "step", "steps")
            )),
            some => Some(format!("resumes after step {some} of {steps}")),
        }
    }

    /// What stands beside a bar that counts the steps: loss, rate, gradient norm, speed and memory of a step; of another
    /// event its line.
    #[must_use]
    pub fn beside_bar(&self) -> String {
        let Self::Step { row, timing, .. } = self else {
            return self.to_string();
        };
        let memory = timing.peak_memory;
        let memory = memory.map(|bytes| format!(", {} MB", bytes / 1_000_000));
        format!(
            "loss {:.3}, rate {:.1e}, gradient norm {:.2}, {:.0} tokens/s{}",
            row.loss,
            row.lr,
            row.grad_norm,
            timing.tokens_per_second,
            memory.unwrap_or_default(),
        )
    }
}

impl fmt::Display for TrainingEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RowsTruncated { dropped, cut, lost } => truncated(f, *dropped, *cut, *lost),
            Self::ResponsesEmpty { rows, first } => write!(
                f,
                "rows with an empty response, which teach to say nothing: {rows}, the first of them {first}"
            ),
            Self::Stored(count) => write!(f, "{count}"),
            Self::RowsSkipped { rows, first, list } => {
                let one = "row cannot be used and is skipped,";
                let many = "rows cannot be used and are skipped, the first of them";
                let rows = counted(*rows, one, many);
                write!(f, "{rows} {first}")?;
                match list {
                    Some(list) => write!(f, "; listed in {}", list.display()),
                    None => Ok(()),
                }
            }
            Self::NothingToResume { path } => {
                let path = path.display();
                write!(
                    f,
                    "no checkpoint to resume from in {path}: the run begins anew"
                )
            }
            Self::BatchChosen {
                batch_size,
                accumulation,
            } => write!(
                f,
                "batch_size auto: {} to a batch, {} to a step",
                counted(*batch_size, "row", "rows"),
                counted(*accumulation, "batch", "batches")
            ),
            Self::Planned {
                plan,
                steps,
                done,
                untrained_rows,
            } => planned(f, plan, (*steps, *done), *untrained_rows),
            Self::FewSteps { steps } => write!(
                f,
                "few steps to learn from: {steps} (more epochs, or fewer rows to a step by accumulation, give more)"
            ),
            Self::Step { row, timing, steps } => step(f, row, timing, *steps),
            Self::Evaluated(row) => evaluation(f, row),
            Self::Checkpoint { step, path } => {
                write!(f, "step {step}: checkpoint in {}", path.display())
            }
            Self::NotTracked { problem } => write!(f, "track: {problem}"),
            Self::Done { steps } => write!(f, "done after {}", counted(*steps, "step", "steps")),
        }
    }
}

fn truncated(f: &mut fmt::Formatter<'_>, dropped: usize, cut: usize, lost: usize) -> fmt::Result {
    write!(
        f,
        "rows that were too long: {dropped} left out, {cut} truncated"
    )?;
    if lost == 0 {
        return Ok(());
    }
    let lost = counted(lost, "lost its", "lost their");
    write!(f, ", of which {lost} last trained token")
}

fn evaluation(f: &mut fmt::Formatter<'_>, row: &EvaluationRow) -> fmt::Result {
    match row.step {
        0 => f.write_str("before training")?,
        step => write!(f, "step {step}")?,
    }
    write!(f, ": held-out loss {:.4}", row.eval_loss)?;
    match row.eval_accuracy {
        Some(share) => write!(f, ", {:.1} % of the tokens right", share * 100.0),
        None => Ok(()),
    }
}

fn planned(
    f: &mut fmt::Formatter<'_>,
    plan: &MemoryPlan,
    (steps, done): (usize, usize),
    untrained_rows: usize,
) -> fmt::Result {
    f.write_str(&counted(steps, "step", "steps"))?;
    if done > 0 {
        write!(f, ", {done} of them done")?;
    }
    if untrained_rows > 0 {
        let one = "row has no trained token and is left out";
        let many = "rows have no trained token and are left out";
        write!(f, "; {}", counted(untrained_rows, one, many))?;
    }
    write!(f, "; {plan}")
}

fn step(
    f: &mut fmt::Formatter<'_>,
    row: &StepRow,
    timing: &TimingRow,
    steps: usize,
) -> fmt::Result {
    let StepRow {
        step,
        epoch,
        loss,
        lr,
        grad_norm,
        ..
    } = row;
    let speed = timing.tokens_per_second;
    write!(
        f,
        "step {step} of {steps} (epoch {epoch:.2}): loss {loss:.4}, learning rate {lr:.2e}, gradient norm \
         {grad_norm:.3}, {speed:.0} tokens/s"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_one_line() {
        let row = StepRow {
            step: 3,
            epoch: 0.25,
            loss: 1.234_56,
            lr: 1e-4,
            grad_norm: 0.5,
            trained_tokens: 70,
            more: std::collections::BTreeMap::new(),
        };
        let timing = TimingRow {
            step: 3,
            seconds: 0.5,
            tokens: 100,
            tokens_per_second: 200.0,
            peak_memory: None,
        };
        let step = TrainingEvent::Step {
            row,
            timing,
            steps: 12,
        };
        assert_eq!(
            step.to_string(),
            "step 3 of 12 (epoch 0.25): loss 1.2346, learning rate 1.00e-4, gradient norm 0.500, 200 tokens/s"
        );
        assert_eq!(
            step.beside_bar(),
            "loss 1.235, rate 1.0e-4, gradient norm 0.50, 200 tokens/s"
        );
    }

    #[test]
    fn an_evaluation_is_one_line() {
        let evaluated = TrainingEvent::Evaluated(EvaluationRow {
            step: 12,
            epoch: 1.0,
            eval_loss: 1.5,
            eval_tokens: 40,
            eval_accuracy: Some(0.25),
        });
        assert_eq!(
            evaluated.to_string(),
            "step 12: held-out loss 1.5000, 25.0 % of the tokens right"
        );
    }

    #[test]
    fn a_plan_is_one_line() {
        let plan = MemoryPlan {
            parameters: 134_500_000,
            trained_parameters: 460_800,
            weights_bytes: 538_000_000,
            trained_bytes: 4_000_000,
            activation_bytes: 120_000_000,
            logits_bytes: 75_000_000,
            total_bytes: 737_000_000,
            available_bytes: Some(12_000_000_000),
            devices: 2,
            activation_checkpointing: true,
            batch_size: 4,
            accumulation: 2,
            longest_batch_tokens: 400,
            rows: 120,
            held_out: 12,
            tokens: Some(3400),
            trained_tokens: Some(1200),
        };
        let planned = TrainingEvent::Planned {
            plan,
            steps: 12,
            done: 4,
            untrained_rows: 1,
        };
        assert_eq!(
            planned.to_string(),
            "12 steps, 4 of them done; 1 row has no trained token and is left out; 460800 parameters train, 0.34 % of the \
             model's 134500000; 120 rows of 3400 tokens, 1200 of them trained; 12 rows are held out and evaluated; 4 to a batch, 8 to a step; the longest batch has 400 tokens; memory on each of \
             2 devices: weights 538 MB, trained parameters 4 MB, activations 120 MB (blocks are computed twice), logits 75 MB; free beside \
             the weights: 12000 MB"
        );
    }
}
