//! How settings write the rows of a micro-batch: a number, or `auto`.
//!
//! The loop takes numbers alone; whoever knows the memory of a run turns `auto` into one.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{TrainConfig, ranges};
use crate::TrainError;

/// The rows of a micro-batch as a setting has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    /// So many, 1 to 65536.
    Rows(usize),
    /// To be chosen by the memory of the run: [`TrainConfig::AUTO_BATCH`].
    Auto,
}

impl fmt::Display for BatchSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "{rows}"),
            Self::Auto => f.write_str("auto"),
        }
    }
}

impl FromStr for BatchSize {
    type Err = TrainError;

    fn from_str(text: &str) -> Result<Self, TrainError> {
        let rows = || text.parse().ok().filter(|rows| *rows > 0).map(Self::Rows);
        let size = if text == "auto" {
            Some(Self::Auto)
        } else {
            rows()
        };
        size.ok_or_else(|| ranges::outside("batch_size", EXPECTED, text))
    }
}

/// What a setting may say.
const EXPECTED: &str = "a whole number of at least 1, or auto";

impl Serialize for BatchSize {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Rows(rows) => rows.serialize(to),
            Self::Auto => to.serialize_str("auto"),
        }
    }
}

/// What a file may hold.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Rows(usize),
    Name(String),
}

impl<'de> Deserialize<'de> for BatchSize {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Written::deserialize(from) {
            Ok(Written::Rows(rows)) if rows > 0 => Ok(Self::Rows(rows)),
            Ok(Written::Name(name)) if name == "auto" => Ok(Self::Auto),
            Ok(Written::Rows(rows)) => Err(refused(rows)),
            Ok(Written::Name(name)) => Err(refused(name)),
            Err(_) => Err(refused("another value")),
        }
    }
}

fn refused<E: Error>(found: impl fmt::Display) -> E {
    E::custom(format!("expected {EXPECTED}, found {found}"))
}

/// The kinds of values, for the schema of a file.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "its schema is what counts")]
pub(super) enum Kinds {
    /// Rows.
    Rows(#[schemars(range(min = 1))] usize),
    /// By memory.
    Name(Auto),
}

/// The one name.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[allow(dead_code, reason = "its schema is what counts")]
pub(super) enum Auto {
    /// Chosen by the memory of the run.
    Auto,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(super) fn serialize<S: Serializer>(rows: &usize, to: S) -> Result<S::Ok, S::Error> {
    match *rows {
        TrainConfig::AUTO_BATCH => BatchSize::Auto,
        rows => BatchSize::Rows(rows),
    }
    .serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    Ok(match BatchSize::deserialize(from)? {
        BatchSize::Rows(rows) => rows,
        BatchSize::Auto => TrainConfig::AUTO_BATCH,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_auto_is_read_and_written_as_it_is() {
        for (json, rows) in [("4", 4), ("\"auto\"", TrainConfig::AUTO_BATCH)] {
            let text = format!("{{\"batch_size\":{json}}}");
            let config: TrainConfig = serde_json::from_str(&text).unwrap();
            assert_eq!(config.batch_size, rows);
            let written = serde_json::to_value(&config).unwrap();
            assert_eq!(written["batch_size"].to_string(), json);
        }
        assert_eq!("auto".parse::<BatchSize>().unwrap(), BatchSize::Auto);
        assert_eq!("16".parse::<BatchSize>().unwrap(), BatchSize::Rows(16));
    }

    #[test]
    fn no_row_and_other_names_are_refused() {
        for text in ["0", "-1", "many", "1.5"] {
            let error = text.parse::<BatchSize>().unwrap_err().to_string();
            let expected = format!("batch_size: expected {EXPECTED}, found {text}");
            assert_eq!(error, expected);
        }
        for json in ["0", "-1", "\"many\"", "1.5", "[2]"] {
            let text = format!("{{\"batch_size\":{json}}}");
            let error = serde_json::from_str::<TrainConfig>(&text).unwrap_err();
            assert!(error.to_string().contains(EXPECTED), "{json}: {error}");
        }
    }

    #[test]
    fn the_loop_takes_no_auto() {
        let config = TrainConfig {
            batch_size: TrainConfig::AUTO_BATCH,
            ..TrainConfig::default()
        };
        assert!(config.has_auto_batch());
        assert!(config.validate().is_err());
    }
}
