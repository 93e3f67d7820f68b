//! What `summary.json` holds: the numbers of a distillation, and how likely the model finds the responses.

pub(crate) mod side_by_side;
pub(crate) mod summary;
mod table;

use std::path::Path;

use idiolect_data::write_json;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::DistillError;
use summary::DistillSummary;

/// Negative log-likelihood of responses under the base model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ResponseNll {
    /// Mean over the rows of each row's nats per token.
    pub per_token: f64,
    /// Mean over the rows of each row's nats.
    pub per_row: f64,
    /// Tokens of all responses.
    pub tokens: usize,
}

/// How likely the model finds the responses, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ResponseNlls {
    /// Those of the data set; none where no reference was used.
    pub before: Option<ResponseNll>,
    /// Those that it has now.
    pub after: ResponseNll,
    /// Rows that have no part in either, since with their response, before or after, they have more tokens than
    /// the model has positions.
    #[serde(default)]
    pub too_long: usize,
}

/// What `summary.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DistillReport {
    /// The numbers.
    #[serde(flatten)]
    pub summary: DistillSummary,
    /// Negative log-likelihood of the responses, where they were scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_nll: Option<ResponseNlls>,
    /// How many texts had reasoning, by the names that a server's costs have, over all calls that wrote a summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Value>,
}

impl DistillReport {
    /// A report without likelihoods.
    #[must_use]
    pub fn new(summary: &DistillSummary) -> Self {
        Self {
            summary: summary.clone(),
            target_nll: None,
            spent: None,
        }
    }

    /// Writes `summary.json`, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`DistillError::Data`] where the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), DistillError> {
        Ok(write_json(path, self)?)
    }
}
