//! How long a training takes: a few of its own steps, timed, and the work of all.
//!
//! The work of a step is counted in tokens with padding; attention makes long rows dearer than that, and a device that
//! compiles its kernels makes the first step slow, which is why it is left out wherever there is another.

use std::fmt;
use std::ops::ControlFlow;

use burn::module::Module;
use idiolect_input::counted;
use idiolect_train::{Plan, RowSize, Rows, TimingRow, TrainConfig, Trainer, TrainerEvent, Window};
use serde::Serialize;

use crate::FineTuneError;

/// Seconds after which no further step is timed.
const LONGEST: f64 = 60.0;

/// The time of a training run as a measurement of a few steps tells it. Evaluations and checkpoints are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TimePlan {
    /// Steps that were timed, the first one of the run left out where there is another.
    pub measured_steps: usize,
    /// What they took.
    pub measured_seconds: f64,
    /// Their tokens a second, padding not counted.
    pub tokens_per_second: f64,
    /// Optimiser steps of one pass over the rows.
    pub epoch_steps: usize,
    /// What such a pass takes.
    pub epoch_seconds: f64,
    /// Optimiser steps of the run.
    pub steps: usize,
    /// What the run takes.
    pub seconds: f64,
}

impl fmt::Display for TimePlan {
    /// One line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "time: about {} for an epoch of {}, {} for all {}, by {} that took {:.1} s ({:.0} tokens/s); \
             evaluations and checkpoints come on top",
            Duration(self.epoch_seconds),
            counted(self.epoch_steps, "step", "steps"),
            Duration(self.seconds),
            counted(self.steps, "step", "steps"),
            counted(self.measured_steps, "step", "steps"),
            self.measured_seconds,
            self.tokens_per_second,
        )
    }
}

/// Seconds in words.
struct Duration(f64);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0 / 60.0;
        if self.0 < 100.0 {
            write!(f, "{:.1} s", self.0)
        } else if minutes < 100.0 {
            write!(f, "{minutes:.0} min")
        } else {
            write!(f, "{:.1} h", minutes / 60.0)
        }
    }
}

impl TimePlan {
    /// Times up to `steps` steps of a run behind its first one; nothing is written, and the trained module is dropped.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Train`] for what ends the loop.
    pub(crate) fn measure<M: Module>(
        trainer: Trainer<'_, M>,
        module: M,
        steps: usize,
    ) -> Result<Self, FineTuneError> {
        // Nothing is held out here: settings about that would be refused.
        let config = TrainConfig {
            eval_every: 0,
            patience: None,
            return_best: false,
            ..trainer.config.clone()
        };
        let trainer = Trainer {
            config: &config,
            ..trainer
        };
        let work = Work::new(trainer.rows, &config);
        let mut timed: Vec<TimingRow> = Vec::new();
        trainer.run(module, &mut |event| {
            if let TrainerEvent::Step { timing, .. } = event {
                timed.push(timing.clone());
            }
            let seconds: f64 = timed.iter().map(|step| step.seconds).sum();
            if timed.len() > steps || seconds > LONGEST {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        Ok(work.time(&timed))
    }
}

/// The work of each step of a run.
struct Work {
    epoch: Vec<f64>,
    run: Vec<f64>,
}

impl Work {
    fn new(rows: &dyn Rows, config: &TrainConfig) -> Self {
        let sizes: Vec<RowSize> = (0..rows.count()).map(|row| rows.size(row)).collect();
        let of = |config: &TrainConfig| {
            let windows = Plan::new(&sizes, config).windows;
            let work = windows.iter().map(|window| work(window, &sizes, config));
            work.collect::<Vec<f64>>()
        };
        let epoch = TrainConfig {
            epochs: 1,
            max_steps: None,
            ..config.clone()
        };
        Self {
            epoch: of(&epoch),
            run: of(config),
        }
    }

    fn time(&self, timed: &[TimingRow]) -> TimePlan {
        let first = usize::from(timed.len() > 1);
        let counted = &timed[first.min(timed.len())..];
        let seconds: f64 = counted.iter().map(|step| step.seconds).sum();
        let tokens: usize = counted.iter().map(|step| step.tokens).sum();
        let done: f64 = self.run.iter().skip(first).take(counted.len()).sum();
        let second_of_work = seconds / done.max(1.0);
        TimePlan {
            measured_steps: counted.len(),
            measured_seconds: seconds,
            tokens_per_second: tokens as f64 / seconds.max(f64::MIN_POSITIVE),
            epoch_steps: self.epoch.len(),
            epoch_seconds: self.epoch.iter().sum::<f64>() * second_of_work,
            steps: self.run.len(),
            seconds: self.run.iter().sum::<f64>() * second_of_work,
        }
    }
}

/// Tokens of a step, with the padding of its micro-batches; of packed rows, which have next to none, without.
fn work(window: &Window, sizes: &[RowSize], config: &TrainConfig) -> f64 {
    let of_batch = |batch: &Vec<usize>| {
        let tokens = batch.iter().map(|&row| sizes[row].tokens);
        if config.packing.is_some() {
            tokens.sum::<usize>()
        } else {
            tokens.max().unwrap_or(0) * batch.len()
        }
    };
    window.batches.iter().map(of_batch).sum::<usize>() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(tokens: usize) -> RowSize {
        RowSize {
            tokens,
            trained_tokens: 1,
        }
    }

    fn timing(step: usize, seconds: f64) -> TimingRow {
        TimingRow {
            step,
            seconds,
            tokens: 10,
            tokens_per_second: 10.0 / seconds,
            peak_memory: None,
        }
    }

    #[test]
    fn padding_counts_as_work() {
        let sizes = [row(4), row(6), row(10)];
        let window = Window {
            epoch: 1.0,
            ends_epoch: true,
            batches: vec![vec![0, 1], vec![2]],
        };
        let config = TrainConfig::default();
        assert!((work(&window, &sizes, &config) - 22.0).abs() < 1e-9);
        let packed = TrainConfig {
            packing: Some(16),
            ..config
        };
        assert!((work(&window, &sizes, &packed) - 20.0).abs() < 1e-9);
    }

    #[test]
    fn the_rest_takes_as_long_as_its_work() {
        let work = Work {
            epoch: vec![300.0, 100.0, 100.0],
            run: vec![300.0, 100.0, 100.0, 100.0, 100.0, 300.0],
        };
        // The first step is slow for reasons of its own, and left out.
        let plan = work.time(&[timing(1, 50.0), timing(2, 1.0), timing(3, 3.0)]);
        assert_eq!(
            (plan.measured_steps, plan.steps, plan.epoch_steps),
            (2, 6, 3)
        );
        assert!((plan.epoch_seconds - 10.0).abs() < 1e-9, "{plan:?}");
        assert!((plan.seconds - 20.0).abs() < 1e-9, "{plan:?}");
        assert!((plan.tokens_per_second - 5.0).abs() < 1e-9, "{plan:?}");
        let only = Work {
            epoch: vec![20.0],
            run: vec![20.0, 20.0],
        };
        let plan = only.time(&[timing(1, 2.0)]);
        assert_eq!(plan.measured_steps, 1);
        assert!((plan.seconds - 4.0).abs() < 1e-9, "{plan:?}");
    }

    #[test]
    fn a_time_is_one_line_in_words() {
        let plan = TimePlan {
            measured_steps: 3,
            measured_seconds: 6.04,
            tokens_per_second: 123.4,
            epoch_steps: 20,
            epoch_seconds: 40.26,
            steps: 4000,
            seconds: 8050.0,
        };
        assert_eq!(
            plan.to_string(),
            "time: about 40.3 s for an epoch of 20 steps, 2.2 h for all 4000 steps, by 3 steps that took 6.0 s \
             (123 tokens/s); evaluations and checkpoints come on top"
        );
        assert_eq!(Duration(600.0).to_string(), "10 min");
    }
}
