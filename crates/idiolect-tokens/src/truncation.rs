//! Rows with more tokens than allowed: refused, dropped or cut, and always counted.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{RowProblem, TokenRow, TokensError};

/// What becomes of a row that is longer than allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Truncation {
    /// It is an error.
    #[default]
    Error,
    /// It is left out.
    Drop,
    /// It is cut at the end, and loses the end of its response.
    Cut,
}

/// A name that is none of `error`, `drop` and `cut`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is none of error, drop, cut")]
pub struct UnknownTruncation {
    /// The name.
    pub name: String,
}

impl FromStr for Truncation {
    type Err = UnknownTruncation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "error" => Ok(Self::Error),
            "drop" => Ok(Self::Drop),
            "cut" => Ok(Self::Cut),
            _ => Err(UnknownTruncation { name: name.into() }),
        }
    }
}

/// Rows that are short enough, and which rows were dropped or cut.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TruncatedRows {
    /// All rows that are left, in order, none longer than allowed.
    pub rows: Vec<TokenRow>,
    /// Ids of rows that were left out.
    pub dropped: Vec<Value>,
    /// Ids of rows that were cut; they may have lost every trained token.
    pub cut: Vec<Value>,
}

/// Brings rows to at most `max_length` tokens.
///
/// # Errors
///
/// [`TokensError::Row`] for the first row that is too long, if that is an error.
pub fn truncate_rows(
    rows: Vec<TokenRow>,
    max_length: usize,
    truncation: Truncation,
) -> Result<TruncatedRows, TokensError> {
    let mut out = TruncatedRows::default();
    for mut row in rows {
        let length = row.input_ids.len();
        if length <= max_length {
            out.rows.push(row);
            continue;
        }
        match truncation {
            Truncation::Error => {
                let problem = RowProblem::TooLong { length, max_length };
                return Err(TokensError::Row {
                    id: row.id,
                    problem,
                });
            }
            Truncation::Drop => out.dropped.push(row.id),
            Truncation::Cut => {
                out.cut.push(row.id.clone());
                row.input_ids.truncate(max_length);
                row.labels.truncate(max_length);
                out.rows.push(row);
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<TokenRow> {
        let row = |id: &str, length: u32| TokenRow {
            id: id.into(),
            input_ids: (0..length).collect(),
            labels: (0..i64::from(length)).collect(),
        };
        vec![row("a", 3), row("b", 5), row("c", 4)]
    }

    #[test]
    fn rows_that_are_too_long_are_refused_dropped_or_cut() {
        let error = truncate_rows(rows(), 4, Truncation::Error)
            .unwrap_err()
            .to_string();
        assert_eq!(error, "row \"b\": 5 tokens, more than 4");
        let dropped = truncate_rows(rows(), 4, Truncation::Drop).unwrap();
        assert_eq!(
            (dropped.rows.len(), dropped.dropped, dropped.cut.len()),
            (2, vec!["b".into()], 0)
        );
        let cut = truncate_rows(rows(), 4, "cut".parse().unwrap()).unwrap();
        assert_eq!(
            (cut.rows[1].labels.len(), cut.cut),
            (4, vec![Value::from("b")])
        );
        assert!("long".parse::<Truncation>().is_err());
    }
}
