//! One example as token ids with a label beside each.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{RowProblem, TokensError};

/// The label of a token that is not trained, as in torch's `cross_entropy`.
pub const IGNORE: i64 = -100;

/// Token ids and labels; a label has the index of its own id, and the loss shifts them by one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenRow {
    /// The example's id, unchanged.
    pub id: Value,
    /// Token ids.
    pub input_ids: Vec<u32>,
    /// For each id, the id itself where it is trained, else [`IGNORE`].
    pub labels: Vec<i64>,
    /// For each id, the number of its teacher's distribution among those that are stored, from 1; 0 where it has none.
    /// Empty where no id has one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teacher: Vec<u64>,
}

impl TokenRow {
    /// A row of which every token is trained but the first, which no token precedes.
    #[must_use]
    pub fn all_trained(id: Value, input_ids: Vec<u32>) -> Self {
        let labels = input_ids.iter().map(|&id| i64::from(id)).collect();
        Self {
            id,
            input_ids,
            labels,
            teacher: Vec::new(),
        }
    }

    /// How many tokens the loss counts; never the first, which no token precedes.
    #[must_use]
    pub fn trained_tokens(&self) -> usize {
        self.labels
            .iter()
            .skip(1)
            .filter(|&&label| label != IGNORE)
            .count()
    }

    /// The places of the last response: the last trained tokens that follow each other without a gap.
    #[must_use]
    pub fn last_response(&self) -> Range<usize> {
        let trained = |at: &usize| self.labels[*at] != IGNORE;
        let last = (0..self.labels.len()).rev().find(trained);
        let behind = last.map_or(0, |last| last + 1);
        let start = (0..behind).rev().take_while(trained).last();
        start.unwrap_or(behind)..behind
    }

    /// Checks a row that was read from a file: it has a label for each id, and both are below `rows`, the rows of the
    /// embedding. A row without a trained token is no error; the caller counts it.
    ///
    /// # Errors
    ///
    /// [`RowProblem::LabelCount`] or [`RowProblem::TokenOutOfRange`], with the row's id.
    pub fn check(&self, rows: usize) -> Result<(), TokensError> {
        let refuse = |problem| {
            Err(TokensError::Row {
                id: self.id.clone(),
                problem,
            })
        };
        let (expected, found) = (self.input_ids.len(), self.labels.len());
        if expected != found {
            return refuse(RowProblem::LabelCount { expected, found });
        }
        let bad_id = self.input_ids.iter().position(|&id| id as usize >= rows);
        let fits = |&label: &i64| label == IGNORE || usize::try_from(label).is_ok_and(|l| l < rows);
        let bad_label = self.labels.iter().position(|label| !fits(label));
        let bad = bad_id.map(|at| (at, i64::from(self.input_ids[at])));
        match bad.or_else(|| bad_label.map(|at| (at, self.labels[at]))) {
            Some((position, token)) => refuse(RowProblem::TokenOutOfRange {
                position,
                token,
                rows,
            }),
            None => Ok(()),
        }
    }
}
