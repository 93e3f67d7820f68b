//! What a user sets about the measurement, in a file or on the command line.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ForgettingError;

/// More prompts, or longer answers, are a slip.
const MOST: usize = 65_536;

/// How forgetting is measured; flat keys of a configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ForgettingSettings {
    /// Prompts whose answers by the base model are measured under the tuned model, 0 to 65536; 0 is off. By default
    /// 64 in the whole job, and off elsewhere.
    pub forgetting: Option<usize>,
    /// Rows with the prompts (`prompt`, `messages` or `input_ids`), taken from the first on; by default questions of
    /// public benchmarks that come with the program.
    pub forgetting_prompts: Option<PathBuf>,
    /// The most tokens of an answer, 1 to 65536; default 80.
    pub forgetting_tokens: usize,
    /// JSON Lines with a field `text`: plain text whose loss is compared too; by default 12 articles that come with
    /// the program.
    pub forgetting_text: Option<PathBuf>,
    /// The highest rise in nats per token that a run may end with, at least 0; above it the command ends with status
    /// 1. By default there is none.
    pub forgetting_limit: Option<f64>,
}

impl Default for ForgettingSettings {
    fn default() -> Self {
        Self {
            forgetting: None,
            forgetting_prompts: None,
            forgetting_tokens: 80,
            forgetting_text: None,
            forgetting_limit: None,
        }
    }
}

impl ForgettingSettings {
    /// Settings that measure this many prompts.
    #[must_use]
    pub fn of(prompts: usize) -> Self {
        Self {
            forgetting: Some(prompts),
            ..Self::default()
        }
    }

    /// How many prompts are measured, where the job measures `own` by itself.
    #[must_use]
    pub fn prompts(&self, own: usize) -> usize {
        self.forgetting.unwrap_or(own)
    }

    /// The settings of a job that measures `own` prompts by itself.
    #[must_use]
    pub fn with_default(&self, own: usize) -> Self {
        Self {
            forgetting: Some(self.prompts(own)),
            ..self.clone()
        }
    }

    /// Refuses numbers that are out of range, and a limit on what is not measured by a job that measures `own`
    /// prompts by itself.
    ///
    /// # Errors
    ///
    /// [`ForgettingError::Setting`] names the first of them.
    pub fn check(&self, own: usize) -> Result<(), ForgettingError> {
        let prompts = self.prompts(own);
        if prompts > MOST {
            return Err(refused("forgetting", "0 to 65536", prompts));
        }
        if !(1..=MOST).contains(&self.forgetting_tokens) {
            let found = self.forgetting_tokens;
            return Err(refused("forgetting_tokens", "1 to 65536", found));
        }
        let Some(limit) = self.forgetting_limit else {
            return Ok(());
        };
        if !(limit.is_finite() && limit >= 0.0) {
            return Err(refused("forgetting_limit", "at least 0", limit));
        }
        if prompts == 0 {
            let expected = "nothing where forgetting is 0";
            return Err(refused("forgetting_limit", expected, limit));
        }
        Ok(())
    }

    /// Refuses a rise above the limit.
    ///
    /// # Errors
    ///
    /// [`ForgettingError::Exceeded`].
    pub fn hold(&self, rise: f64) -> Result<(), ForgettingError> {
        match self.forgetting_limit {
            Some(limit) if rise > limit => Err(ForgettingError::Exceeded { limit, found: rise }),
            _ => Ok(()),
        }
    }
}

fn refused(name: &'static str, expected: &str, found: impl ToString) -> ForgettingError {
    ForgettingError::setting(name, expected, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_refused_by_name() {
        let settings = |change: fn(&mut ForgettingSettings)| {
            let mut settings = ForgettingSettings::of(8);
            change(&mut settings);
            settings.check(0).map_err(|error| error.to_string())
        };
        assert_eq!(settings(|_| {}), Ok(()));
        let begins = |found: Result<(), String>, start: &str| {
            let found = found.unwrap_err();
            assert!(found.starts_with(start), "{found}");
        };
        begins(settings(|s| s.forgetting = Some(70_000)), "forgetting: ");
        begins(settings(|s| s.forgetting_tokens = 0), "forgetting_tokens: ");
        for value in [f64::NAN, -0.1, f64::INFINITY] {
            let mut own = ForgettingSettings::of(8);
            own.forgetting_limit = Some(value);
            let found = own.check(0).map_err(|error| error.to_string());
            begins(found, "forgetting_limit: expected at least 0");
        }
        let unmeasured = ForgettingSettings {
            forgetting_limit: Some(0.1),
            ..ForgettingSettings::default()
        };
        assert!(unmeasured.check(64).is_ok() && unmeasured.check(0).is_err());
    }

    #[test]
    fn a_rise_above_the_limit_is_refused_and_one_at_it_is_not() {
        let mut settings = ForgettingSettings::of(8);
        assert!(settings.hold(9.0).is_ok());
        settings.forgetting_limit = Some(0.05);
        assert!(settings.hold(0.05).is_ok());
        let error = settings.hold(0.0512).unwrap_err().to_string();
        assert!(error.ends_with("found 0.0512"), "{error}");
    }
}
