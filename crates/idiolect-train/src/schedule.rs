//! The curves of a learning rate after its warm-up.
//!
//! They are those of `get_cosine_schedule_with_warmup`, `get_linear_schedule_with_warmup` and
//! `get_constant_schedule_with_warmup` of transformers (`optimization.py`).

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// How the learning rate runs on after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Half a cosine, from the full rate to zero.
    Cosine,
    /// A straight line, from the full rate to zero.
    Linear,
    /// The full rate, to the end.
    Constant,
}

impl Schedule {
    /// What is left of the full rate once a share `done` of the steps after the warm-up is over, both from
    /// 0 to 1.
    #[must_use]
    pub fn factor(self, done: f64) -> f64 {
        match self {
            Self::Cosine => 0.5 * (1.0 + (PI * done).cos()),
            Self::Linear => 1.0 - done,
            Self::Constant => 1.0,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
