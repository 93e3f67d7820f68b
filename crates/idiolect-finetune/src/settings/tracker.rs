//! Where numbers of a run go beside its directory, as a setting names it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::FineTuneError;

/// A server that keeps the numbers of runs, written `mlflow:URL`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
#[non_exhaustive]
pub enum Tracker {
    /// An MLflow server at an address of http or https.
    Mlflow(String),
}

impl fmt::Display for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mlflow(url) => write!(f, "mlflow:{url}"),
        }
    }
}

impl FromStr for Tracker {
    type Err = FineTuneError;

    fn from_str(text: &str) -> Result<Self, FineTuneError> {
        let url = text.strip_prefix("mlflow:");
        let url = url.filter(|url| url.starts_with("http://") || url.starts_with("https://"));
        let expected = "mlflow: and an address that begins with http:// or https://";
        url.map(|url| Self::Mlflow(url.to_owned()))
            .ok_or_else(|| FineTuneError::setting("track", expected, text))
    }
}

impl TryFrom<String> for Tracker {
    type Error = FineTuneError;

    fn try_from(text: String) -> Result<Self, FineTuneError> {
        text.parse()
    }
}

impl From<Tracker> for String {
    fn from(tracker: Tracker) -> Self {
        tracker.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracker_reads_back_and_others_are_refused() {
        let text = "mlflow:http://127.0.0.1:5000";
        assert_eq!(text.parse::<Tracker>().unwrap().to_string(), text);
        for other in ["wandb", "mlflow", "mlflow:host", "http://host"] {
            let error = other.parse::<Tracker>().unwrap_err().to_string();
            assert!(
                error.starts_with("track: expected mlflow: and an address"),
                "{error}"
            );
        }
    }
}
