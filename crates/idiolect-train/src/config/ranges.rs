//! The ranges of the numbers of a training run. `docs/LIMITS.md` lists them with their reasons.

use super::TrainConfig;
use crate::TrainError;

/// A range that is open below: above 0 and at most so much.
fn positive(value: f64, most: f64) -> bool {
    0.0 < value && value <= most
}

pub(super) fn outside(
    name: &'static str,
    expected: &'static str,
    found: impl ToString,
) -> TrainError {
    TrainError::Setting {
        name,
        expected,
        found: found.to_string(),
    }
}

impl TrainConfig {
    /// Checks every number against the range that its field states.
    ///
    /// # Errors
    ///
    /// [`TrainError::Setting`] for the first number outside its range.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.validate_counts()?;
        self.validate_sizes()?;
        self.validate_numbers()
    }

    fn validate_counts(&self) -> Result<(), TrainError> {
        let counts = [
            ("epochs", self.epochs),
            ("batch_size", self.batch_size),
            ("accumulation", self.accumulation),
            ("keep_checkpoints", self.keep_checkpoints),
            ("max_steps", self.max_steps.unwrap_or(1)),
            ("patience", self.patience.unwrap_or(1)),
            ("packing", self.packing.unwrap_or(1)),
            ("updates_per_window", self.updates_per_window),
        ];
        match counts.into_iter().find(|(_, count)| *count == 0) {
            Some((name, count)) => Err(outside(name, "at least 1", count)),
            None => Ok(()),
        }
    }

    /// Memory and time grow with these.
    fn validate_sizes(&self) -> Result<(), TrainError> {
        let sizes = [
            ("batch_size", self.batch_size, 65_536, "at most 65536"),
            ("accumulation", self.accumulation, 65_536, "at most 65536"),
        ];
        match sizes.into_iter().find(|(_, size, most, _)| most < size) {
            Some((name, size, _, expected)) => Err(outside(name, expected, size)),
            None => Ok(()),
        }
    }

    fn validate_numbers(&self) -> Result<(), TrainError> {
        let share = |value: f64| (0.0..1.0).contains(&value);
        let (rate, epsilon) = (self.learning_rate, self.adam_epsilon);
        let (decay, norm) = (self.weight_decay, self.clip_norm);
        let (beta1, beta2) = (self.adam_beta1, self.adam_beta2);
        let (below_1, to_1) = ("at least 0 and below 1", "above 0 and at most 1");
        let to_10 = "above 0 and at most 10";
        let rules = [
            ("learning_rate", rate, positive(rate, 10.0), to_10),
            (
                "weight_decay",
                decay,
                (0.0..=1000.0).contains(&decay),
                "0 to 1000",
            ),
            ("clip_norm", norm, (0.0..=1e9).contains(&norm), "0 to 1e9"),
            ("adam_beta1", beta1, share(beta1), below_1),
            ("adam_beta2", beta2, share(beta2), below_1),
            ("adam_epsilon", epsilon, positive(epsilon, 1.0), to_1),
        ];
        let mut ratios = self.rate_ratios.iter().map(|own| own.ratio);
        if let Some((name, value, _, expected)) = rules.into_iter().find(|(.., holds, _)| !holds) {
            return Err(outside(name, expected, value));
        }
        match ratios.find(|ratio| !positive(*ratio, 1e6)) {
            Some(ratio) => Err(outside("rate_ratios", "above 0 and at most 1000000", ratio)),
            None => Ok(()),
        }
    }
}
