//! The learning rate as a pure function of the step.
//!
//! Burn's own schedulers are not used: their warm-up cannot start at zero, and they carry state.

use crate::TrainConfig;

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
    config.learning_rate * config.schedule.factor(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schedule;

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
}
