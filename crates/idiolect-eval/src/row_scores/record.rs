//! Rows whose fields a score is made of: any JSON object, read field by field.

use std::path::Path;

use idiolect_data::{Id, RawRow, read_rows};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{EvalError, RowPlace};

/// One row and where it stands.
#[derive(Debug, Clone)]
pub struct ScoredRow {
    place: RowPlace,
    fields: Map<String, Value>,
}

impl ScoredRow {
    /// The row's `id`, else its number from 0.
    #[must_use]
    pub fn id(&self) -> Id {
        let own = self.fields.get("id").filter(|id| !id.is_null());
        own.cloned().unwrap_or_else(|| self.place.row.into())
    }

    /// A field that must be there, of a type that is called `expected`.
    ///
    /// # Errors
    ///
    /// [`EvalError::Field`] names file, row and field.
    pub fn get<T: DeserializeOwned>(&self, field: &str, expected: &str) -> Result<T, EvalError> {
        let value = self.fields.get(field);
        let read = value.and_then(|value| serde_json::from_value(value.clone()).ok());
        read.ok_or_else(|| {
            let found = value.map_or("nothing".into(), Value::to_string);
            self.wrong(field, expected, found)
        })
    }

    /// A field that must be text.
    ///
    /// # Errors
    ///
    /// As [`ScoredRow::get`].
    pub fn text(&self, field: &str) -> Result<String, EvalError> {
        self.get(field, "text")
    }

    /// Whether the row has a field.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// An error at one field.
    pub(crate) fn wrong(&self, field: &str, expected: &str, found: impl ToString) -> EvalError {
        EvalError::Field {
            place: self.place.clone(),
            field: field.to_owned(),
            expected: expected.to_owned(),
            found: found.to_string(),
        }
    }
}

/// Reads rows to be scored, in any layout of a data set.
///
/// # Errors
///
/// [`EvalError::Data`] for an unreadable file.
pub fn read_scored_rows(path: &Path) -> Result<Vec<ScoredRow>, EvalError> {
    let rows = read_rows(path)?.rows.into_iter().enumerate();
    let record = |(number, row): (usize, RawRow)| ScoredRow {
        place: RowPlace {
            path: path.to_owned(),
            row: number,
            line: Some(row.line),
        },
        fields: row.fields,
    };
    Ok(rows.map(record).collect())
}
