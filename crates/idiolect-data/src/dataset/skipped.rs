//! Rows that cannot be used: an error, or left out, counted and listed.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DataError;
use crate::files::write_lines;
use crate::formats::Id;

/// What becomes of a row that is not of its format, or that the template does not take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum BadRows {
    /// It is an error.
    #[default]
    Error,
    /// It is left out, counted, and listed in a file.
    Skip,
}

impl FromStr for BadRows {
    type Err = DataError;

    fn from_str(name: &str) -> Result<Self, DataError> {
        match name {
            "error" => Ok(Self::Error),
            "skip" => Ok(Self::Skip),
            _ => Err(DataError::UnknownName {
                what: "use of bad rows",
                name: name.to_owned(),
                known: "error, skip".to_owned(),
            }),
        }
    }
}

/// A row that was left out, as a list of them names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SkippedRow {
    /// Its id, or its number from 0.
    pub id: Id,
    /// The file that it is from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The line on which it begins, from 1, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Why it cannot be used.
    pub problem: String,
}

impl SkippedRow {
    /// A row that is known by its id.
    #[must_use]
    pub fn new(id: Id, problem: impl ToString) -> Self {
        Self {
            id,
            file: None,
            line: None,
            problem: problem.to_string(),
        }
    }

    /// The list beside a file of results: `OUT.skipped.jsonl`.
    #[must_use]
    pub fn list_beside(out: &Path) -> PathBuf {
        let mut name = out.as_os_str().to_owned();
        name.push(".skipped.jsonl");
        name.into()
    }

    /// Writes a list of them, a row a line.
    ///
    /// # Errors
    ///
    /// [`DataError::Io`].
    pub fn write(rows: &[Self], path: &Path) -> Result<(), DataError> {
        write_lines(path, rows)
    }
}
