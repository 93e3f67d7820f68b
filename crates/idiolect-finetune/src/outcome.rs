//! What a fine-tuning gives.

use std::fmt;

use idiolect_forgetting::Forgetting;
use idiolect_lm::LanguageModel;
use idiolect_lora::LoraAdapter;
use idiolect_report::{Course, CourseSpan, LossOfStep};
use idiolect_train::{BestEvaluation, EvaluationRow, StepRow};
use serde_json::{Value, json};

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
    /// Whether the result is that of the evaluation of the lowest loss, and not of the last step.
    pub returned_best: bool,
    /// How much the model has forgotten, where [`train`](crate::train) was asked to measure it.
    pub forgetting: Option<Forgetting>,
}

impl TrainReport {
    /// The training loss of the first part of the steps and of the last; none of fewer than two steps. Of a resumed run
    /// the rest of the epoch in which it was interrupted counts only where nothing else is there: it may be one step.
    #[must_use]
    pub fn course(&self) -> Option<Course> {
        let step = |row: &StepRow| LossOfStep {
            epoch: row.epoch,
            loss: row.loss,
            tokens: row.trained_tokens as f64,
        };
        let steps: Vec<LossOfStep> = self.steps.iter().map(step).collect();
        let rest = if self.steps.len() < self.done {
            rest_of_epoch(&steps)
        } else {
            0
        };
        // Of few steps the first and the last are told, and these are those of all.
        let is_of_parts = |course: &Course| course.span != CourseSpan::Steps;
        let of_epochs = Course::of(&steps[rest..]).filter(is_of_parts);
        of_epochs.or_else(|| Course::of(&steps))
    }
}

impl TrainReport {
    /// How the run went in numbers, for programs.
    #[must_use]
    pub fn numbers(&self) -> Value {
        let course = self.course();
        json!({
            "steps": self.done,
            "first_loss": course.map(|course| course.first),
            "last_loss": course.map(|course| course.last),
            "eval_loss": self.evaluations.last().map(|row| row.eval_loss),
            "lowest_eval_loss": self.best.as_ref().map(|best| best.eval_loss),
        })
    }
}

/// Steps of the first epoch, where the next has more.
fn rest_of_epoch(steps: &[LossOfStep]) -> usize {
    let within = |steps: &[LossOfStep]| {
        let end = steps.first().map_or(0.0, |step| step.epoch.ceil());
        steps.iter().take_while(|step| step.epoch <= end).count()
    };
    let first = within(steps);
    let next = within(&steps[first..]);
    if first < next { first } else { 0 }
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
            let since = if self.steps.len() < self.done {
                " since it was resumed"
            } else {
                ""
            };
            match span {
                CourseSpan::Steps => write!(
                    f,
                    "; training loss {first:.3} in the first step{since} and {last:.3} in the last, each over its own rows"
                )?,
                span => write!(
                    f,
                    "; training loss {first:.3} to {last:.3}, means of the {span}{since}"
                )?,
            }
        } else if let [only] = self.steps.as_slice() {
            write!(f, "; training loss {:.3}", only.loss)?;
        }
        let last = match self.evaluations.as_slice() {
            [] => return Ok(()),
            [only] => {
                write!(f, "; held-out loss {:.3}", only.eval_loss)?;
                only
            }
            [first, .., last] => {
                let since = Since(first.step);
                let (from, to) = (first.eval_loss, last.eval_loss);
                write!(f, "; held-out loss {from:.3} {since} to {to:.3}")?;
                last
            }
        };
        let Some(best) = &self.best else {
            return Ok(());
        };
        write!(f, ", lowest {:.3} after step {}", best.eval_loss, best.step)?;
        f.write_str(match best.step < last.step {
            true if self.returned_best => ", which is the result",
            true => " (return_best makes that the result)",
            false => "",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluation(step: usize, eval_loss: f64) -> EvaluationRow {
        EvaluationRow {
            step,
            epoch: 1.0,
            eval_loss,
            eval_tokens: 40,
            eval_accuracy: None,
        }
    }

    #[test]
    fn the_last_line_says_how_to_have_the_lowest_held_out_loss() {
        let line = |losses: &[f64], best: usize, returned_best| {
            let evaluations = losses.iter().enumerate();
            let evaluations = evaluations.map(|(at, loss)| evaluation(at * 10, *loss));
            let report = TrainReport {
                plan: MemoryPlan::SMALL,
                done: 20,
                steps: Vec::new(),
                evaluations: evaluations.collect(),
                best: Some(BestEvaluation {
                    step: best * 10,
                    eval_loss: losses[best],
                }),
                returned_best,
                forgetting: None,
            };
            report.to_string()
        };
        let risen = "20 steps are done; held-out loss 2.000 before training to 1.500, lowest 1.250 after step 10";
        assert_eq!(
            line(&[2.0, 1.25, 1.5], 1, false),
            format!("{risen} (return_best makes that the result)")
        );
        assert_eq!(
            line(&[2.0, 1.25, 1.5], 1, true),
            format!("{risen}, which is the result")
        );
        assert_eq!(
            line(&[2.0, 1.5, 1.25], 2, false),
            "20 steps are done; held-out loss 2.000 before training to 1.250, lowest 1.250 after step 20"
        );
    }

    #[test]
    fn of_few_steps_the_first_and_the_last_loss_are_told() {
        let step = |step: usize| StepRow {
            step,
            epoch: step as f64 / 20.0,
            loss: step as f64,
            lr: 1e-4,
            grad_norm: 1.0,
            trained_tokens: 10,
            more: std::collections::BTreeMap::new(),
        };
        let line = |steps: usize| {
            let report = TrainReport {
                plan: MemoryPlan::SMALL,
                done: steps,
                steps: (1..=steps).map(step).collect(),
                evaluations: Vec::new(),
                best: None,
                returned_best: false,
                forgetting: None,
            };
            report.to_string()
        };
        assert_eq!(
            line(4),
            "4 steps are done; training loss 1.000 in the first step and 4.000 in the last, each over its own rows"
        );
        assert_eq!(
            line(8),
            "8 steps are done; training loss 1.500 to 7.500, means of the first and the last quarter of the steps"
        );
    }

    #[test]
    fn the_rest_of_an_interrupted_epoch_is_known() {
        let steps = |epochs: &[f64]| -> Vec<LossOfStep> {
            let step = |epoch: &f64| LossOfStep {
                epoch: *epoch,
                loss: 1.0,
                tokens: 1.0,
            };
            epochs.iter().map(step).collect()
        };
        assert_eq!(rest_of_epoch(&steps(&[2.0, 2.5, 3.0, 3.5])), 1);
        // Whole, or all that there is.
        assert_eq!(rest_of_epoch(&steps(&[2.5, 3.0, 3.5, 4.0])), 0);
        assert_eq!(rest_of_epoch(&steps(&[2.5, 3.0])), 0);
        assert_eq!(rest_of_epoch(&[]), 0);
    }
}
