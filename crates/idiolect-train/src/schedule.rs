//! The learning rate as a pure function of the step.
//!
//! The curves are those of `get_cosine_schedule_with_warmup`, `get_linear_schedule_with_warmup`
//! and `get_constant_schedule_with_warmup` of transformers (`optimization.py`).
//! Burn's own schedulers are not used: their warm-up cannot start at zero, and they carry state.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{TrainConfig, TrainError};

/// How the learning rate runs on after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Half a cosine, from the full rate to zero.
    Cosine,
    /// A straight line, from the full rate to zero.
    Linear,
    /// The full rate, to the end.
    Constant,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cosine => "cosine",
            Self::Linear => "linear",
            Self::Constant => "constant",
        })
    }
}

impl FromStr for Schedule {
    type Err = TrainError;

    fn from_str(name: &str) -> Result<Self, TrainError> {
        match name {
            "cosine" => Ok(Self::Cosine),
            "linear" => Ok(Self::Linear),
            "constant" => Ok(Self::Constant),
            _ => Err(TrainError::Setting {
                name: "schedule",
                expected: "cosine, linear or constant",
                found: name.to_owned(),
            }),
        }
    }
}

/// The rate that 0-based optimiser step `step` of `total` uses.
///
/// With `w` warm-up steps it is `k/w` of the full rate in step `k < w`; after that the schedule
/// runs over the fraction `(k - w) / (total - w)`, which does not reach 1 within the run.
///
/// ```
/// use idiolect_train::{TrainConfig, learning_rate};
///
/// let config = TrainConfig { learning_rate: 1e-3, ..TrainConfig::default() };
/// assert_eq!(learning_rate(&config, 0, 20), 1e-3);
/// assert!((learning_rate(&config, 10, 20) - 5e-4).abs() < 1e-12);
/// ```
#[must_use]
pub fn learning_rate(config: &TrainConfig, step: usize, total: usize) -> f64 {
    let warmup = config.warmup_steps;
    if step < warmup {
        return config.learning_rate * step as f64 / warmup as f64;
    }
    let length = total.saturating_sub(warmup).max(1);
    let done = ((step - warmup) as f64 / length as f64).min(1.0);
    config.learning_rate
        * match config.schedule {
            Schedule::Cosine => 0.5 * (1.0 + (PI * done).cos()),
            Schedule::Linear => 1.0 - done,
            Schedule::Constant => 1.0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(schedule: Schedule, warmup_steps: usize, total: usize) -> Vec<f64> {
        let config = TrainConfig {
            schedule,
            warmup_steps,
            learning_rate: 2.0,
            ..TrainConfig::default()
        };
        (0..total)
            .map(|step| learning_rate(&config, step, total))
            .collect()
    }

    #[test]
    fn warm_up_starts_at_zero_and_hands_over_the_full_rate() {
        assert_eq!(rates(Schedule::Constant, 2, 4), [0.0, 1.0, 2.0, 2.0]);
        assert_eq!(
            rates(Schedule::Linear, 2, 6),
            [0.0, 1.0, 2.0, 1.5, 1.0, 0.5]
        );
        assert_eq!(rates(Schedule::Cosine, 1, 2), [0.0, 2.0]);
    }

    #[test]
    fn a_warm_up_longer_than_the_run_only_rises() {
        assert_eq!(rates(Schedule::Cosine, 8, 4), [0.0, 0.25, 0.5, 0.75]);
    }

    #[test]
    fn steps_past_the_end_rest_at_the_end() {
        let config = TrainConfig {
            learning_rate: 1.0,
            ..TrainConfig::default()
        };
        assert!(learning_rate(&config, 9, 3).abs() < 1e-15);
    }

    #[test]
    fn a_schedule_reads_back_from_its_name() {
        for schedule in [Schedule::Cosine, Schedule::Linear, Schedule::Constant] {
            assert_eq!(schedule.to_string().parse::<Schedule>().unwrap(), schedule);
            let json = serde_json::to_string(&schedule).unwrap();
            assert_eq!(json, format!("\"{schedule}\""));
        }
        assert!("cosin".parse::<Schedule>().is_err());
    }
}
