//! How many worked examples stand above a question.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::EvalError;
use crate::tasks::Task;

/// The word for [`Shots::Leaderboard`] in files.
const LEADERBOARD: &str = "leaderboard";

/// How many worked examples stand above a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shots {
    /// So many.
    Number(usize),
    /// As many as the Open LLM Leaderboard of 2023 shows for the task; `leaderboard` in files.
    Leaderboard,
}

impl Default for Shots {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl Shots {
    /// Their number for a task.
    #[must_use]
    pub fn of(self, task: &Task) -> usize {
        match self {
            Self::Number(number) => number,
            Self::Leaderboard => task.leaderboard_shots(),
        }
    }
}

impl fmt::Display for Shots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Leaderboard => f.write_str(LEADERBOARD),
        }
    }
}

impl FromStr for Shots {
    type Err = EvalError;

    fn from_str(text: &str) -> Result<Self, EvalError> {
        let wrong = |_| EvalError::setting("shots", "a number, or leaderboard", text);
        match text {
            LEADERBOARD => Ok(Self::Leaderboard),
            number => number.parse().map(Self::Number).map_err(wrong),
        }
    }
}

impl Serialize for Shots {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => number.serialize(to),
            Self::Leaderboard => LEADERBOARD.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Shots {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number, or leaderboard")]
        enum Either {
            Number(usize),
            Text(String),
        }
        match Either::deserialize(from)? {
            Either::Number(number) => Ok(Self::Number(number)),
            Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

impl JsonSchema for Shots {
    fn schema_name() -> Cow<'static, str> {
        "Shots".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["integer", "string"], "minimum": 0, "pattern": "^([0-9]+|leaderboard)$"})
    }
}
