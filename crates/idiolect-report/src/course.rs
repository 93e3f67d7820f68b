//! The course of a training loss in two numbers: its mean over the first part of a run and over the last.
//!
//! The loss of a single step is that of a few rows, and says little.

use std::fmt;

/// Steps that are too few for means.
const FEW: usize = 4;

/// What an optimiser step computed, as far as its loss goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossOfStep {
    /// Passes over the data after this step, from 0.
    pub epoch: f64,
    /// Mean loss of its trained tokens, in nats.
    pub loss: f64,
    /// Its trained tokens.
    pub tokens: f64,
}

/// Which part of a run a mean is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CourseSpan {
    /// The first and the last epoch, where the steps are of two or more.
    Epochs,
    /// The first and the last quarter of the steps of a shorter run.
    Quarters,
    /// The first and the last step of few: their rows differ more than the model does.
    Steps,
}

/// The mean loss of the first part of a run and of the last, each over its trained tokens, in nats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Course {
    /// Of the first part.
    pub first: f64,
    /// Of the last part.
    pub last: f64,
    /// What the parts are.
    pub span: CourseSpan,
    /// Steps of the whole run.
    pub steps: usize,
}

impl Course {
    /// The course of these steps, in their order; none of fewer than two.
    #[must_use]
    pub fn of(steps: &[LossOfStep]) -> Option<Self> {
        let [first, .., last] = steps else {
            return None;
        };
        if steps.len() <= FEW {
            return Some(Self {
                first: mean(&[*first])?,
                last: mean(&[*last])?,
                span: CourseSpan::Steps,
                steps: steps.len(),
            });
        }
        // Those of a resumed run begin in a later epoch.
        let (begun, ended) = (first.epoch.ceil(), last.epoch.ceil());
        let (of_first, of_last, span) = if begun < ended {
            let first = steps.iter().take_while(|step| step.epoch <= begun).count();
            let rest = steps.iter().rev();
            let last = rest.take_while(|step| ended - 1.0 < step.epoch).count();
            (first, last, CourseSpan::Epochs)
        } else {
            let quarter = steps.len().div_ceil(4);
            (quarter, quarter, CourseSpan::Quarters)
        };
        Some(Self {
            first: mean(&steps[..of_first])?,
            last: mean(&steps[steps.len() - of_last..])?,
            span,
            steps: steps.len(),
        })
    }
}

/// The mean over all tokens; none where there is none.
fn mean(steps: &[LossOfStep]) -> Option<f64> {
    let tokens: f64 = steps.iter().map(|step| step.tokens).sum();
    let sum: f64 = steps.iter().map(|step| step.loss * step.tokens).sum();
    Some(sum / tokens).filter(|mean| mean.is_finite())
}

impl CourseSpan {
    /// What the two losses are.
    #[must_use]
    pub fn losses(self) -> String {
        match self {
            Self::Steps => format!("of the {self}"),
            _ => format!("means of the {self}"),
        }
    }
}

impl fmt::Display for CourseSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Epochs => "first and the last epoch",
            Self::Quarters => "first and the last quarter of the steps",
            Self::Steps => "first and the last step",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(epoch: f64, loss: f64, tokens: f64) -> LossOfStep {
        LossOfStep {
            epoch,
            loss,
            tokens,
        }
    }

    #[test]
    fn epochs_are_compared_by_their_tokens() {
        let steps = [
            step(0.5, 4.0, 10.0),
            step(1.0, 1.0, 30.0),
            step(1.5, 2.0, 20.0),
            step(2.0, 1.0, 20.0),
            step(2.5, 2.0, 20.0),
            step(3.0, 1.0, 20.0),
        ];
        let course = Course::of(&steps).unwrap();
        assert_eq!((course.first, course.last, course.steps), (1.75, 1.5, 6));
        assert_eq!(course.span, CourseSpan::Epochs);
    }

    #[test]
    fn a_resumed_run_begins_in_a_later_epoch() {
        let steps = [
            step(2.4, 3.0, 10.0),
            step(2.7, 2.0, 10.0),
            step(3.0, 1.0, 10.0),
            step(3.4, 1.0, 10.0),
            step(3.7, 1.0, 10.0),
        ];
        let course = Course::of(&steps).unwrap();
        assert_eq!((course.first, course.last), (2.0, 1.0));
        assert_eq!(course.span, CourseSpan::Epochs);
        // Of few steps, the first and the last.
        for few in [&steps[..2], &steps[1..]] {
            let course = Course::of(few).unwrap();
            assert_eq!(
                (course.first, course.last),
                (few[0].loss, few[few.len() - 1].loss)
            );
            assert_eq!(course.span, CourseSpan::Steps);
        }
    }

    #[test]
    fn within_an_epoch_quarters_are_compared() {
        let steps: Vec<_> = (1..=8)
            .map(|at| step(f64::from(at) / 8.0, 9.0 - f64::from(at), 1.0))
            .collect();
        let course = Course::of(&steps).unwrap();
        assert_eq!((course.first, course.last), (7.5, 1.5));
        assert_eq!(course.span, CourseSpan::Quarters);
        assert_eq!(Course::of(&steps[..1]), None);
    }

    #[test]
    fn a_run_that_ends_within_its_last_epoch_has_the_part_that_is_done() {
        let steps = [
            step(0.5, 4.0, 1.0),
            step(1.0, 4.0, 1.0),
            step(1.5, 3.0, 1.0),
            step(2.0, 3.0, 1.0),
            step(2.5, 1.0, 1.0),
        ];
        assert!((Course::of(&steps).unwrap().last - 1.0).abs() < 1e-12);
        assert_eq!(
            Course::of(&[step(2.0, 1.0, 0.0), step(3.0, 1.0, 1.0)]),
            None
        );
    }
}
