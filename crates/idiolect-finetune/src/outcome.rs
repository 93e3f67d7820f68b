//! What a fine-tuning gives.

use std::fmt;

use idiolect_forgetting::Forgetting;
use idiolect_lm::LanguageModel;
use idiolect_lora::LoraAdapter;
use idiolect_report::{Course, LossOfStep};
use idiolect_train::{BestEvaluation, EvaluationRow, StepRow};

use crate::MemoryPlan;

/// A trained adapter, and how it came to be.
#[derive(Debug)]
#[non_exhaustive]
pub struct FineTuned {
    /// The adapter, ready to be used and never to be trained again.
    pub adapter: LoraAdapter,
    /// The model with the adapter on, and with the words that the run added.
    pub model: LanguageModel,
    /// How the run went.
    pub report: TrainReport,
}

/// A model of which every weight was trained, and how it came to be.
#[derive(Debug)]
#[non_exhaustive]
pub struct FullyFineTuned {
    /// The trained model.
    pub model: LanguageModel,
    /// How the run went.
    pub report: TrainReport,
}

/// How a run went.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TrainReport {
    /// Memory and work as planned.
    pub plan: MemoryPlan,
    /// Optimiser steps done, those before a resumption included.
    pub done: usize,
    /// The steps since the run was started or resumed.
    pub steps: Vec<StepRow>,
    /// The evaluations since then.
    pub evaluations: Vec<EvaluationRow>,
    /// The evaluation of the lowest loss, if there was one.
    pub best: Option<BestEvaluation>,
    /// How much the model has forgotten, where [`train`](crate::train) was asked to measure it.
    pub forgetting: Option<Forgetting>,
}

impl TrainReport {
    /// The training loss of the first part of the steps and of the last; none of fewer than two steps.
    #[must_use]
    pub fn course(&self) -> Option<Course> {
        let step = |row: &StepRow| LossOfStep {
            epoch: row.epoch,
            loss: row.loss,
            tokens: row.trained_tokens as f64,
        };
        Course::of(&self.steps.iter().map(step).collect::<Vec<_>>())
    }
}

/// When an evaluation was.
struct Since(usize);

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("before training"),
            step => write!(f, "after step {step}"),
        }
    }
}

impl fmt::Display for TrainReport {
    /// One line: steps, training loss, held-out loss.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.done == 1 {
            "step is"
        } else {
            "steps are"
        };
        write!(f, "{} {verb} done", self.done)?;
        if let Some(Course {
            first, last, span, ..
        }) = self.course()
        {
            write!(
                f,
                "; training loss {first:.3} to {last:.3}, means of the {span}"
            )?;
            if self.steps.len() < self.done {
                f.write_str(" since it was resumed")?;
            }
        } else if let [only] = self.steps.as_slice() {
            write!(f, "; training loss {:.3}", only.loss)?;
        }
        match self.evaluations.as_slice() {
            [] => return Ok(()),
            [only] => write!(f, "; held-out loss {:.3}", only.eval_loss)?,
            [first, .., last] => write!(
                f,
                "; held-out loss {:.3} {} to {:.3}",
                first.eval_loss,
                Since(first.step),
                last.eval_loss
            )?,
        }
        match &self.best {
            Some(best) => write!(f, ", lowest {:.3} after step {}", best.eval_loss, best.step),
            None => Ok(()),
        }
    }
}
