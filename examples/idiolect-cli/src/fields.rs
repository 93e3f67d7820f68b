//! Rows whose fields a score is made of: any JSON object, read field by field.

use std::path::{Path, PathBuf};

use idiolect::data::{Id, RawRow, read_rows};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::CliError;
use crate::rows::place;

/// One row and where it stands.
#[derive(Debug, Clone)]
pub struct Record {
    path: PathBuf,
    number: usize,
    line: usize,
    fields: Map<String, Value>,
}

impl Record {
    /// The row's `id`, else its number from 0.
    #[must_use]
    pub fn id(&self) -> Id {
        let own = self.fields.get("id").filter(|id| !id.is_null());
        own.cloned().unwrap_or_else(|| self.number.into())
    }

    /// A field that must be there, of a type that is called `expected`.
    ///
    /// # Errors
    ///
    /// [`CliError::Setting`] names file, row and field.
    pub fn get<T: DeserializeOwned>(&self, field: &str, expected: &str) -> Result<T, CliError> {
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
    /// As [`Record::get`].
    pub fn text(&self, field: &str) -> Result<String, CliError> {
        self.get(field, "text")
    }

    /// Whether the row has a field.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// An error at one field.
    pub fn wrong(&self, field: &str, expected: &str, found: impl ToString) -> CliError {
        let place = place(&self.path, self.number, self.line);
        CliError::setting(&format!("{place}: {field}"), expected, found)
    }
}

/// Reads the rows of a JSON array or JSON Lines.
///
/// # Errors
///
/// [`CliError::Data`] for an unreadable file.
pub fn read(path: &Path) -> Result<Vec<Record>, CliError> {
    let rows = read_rows(path)?.rows.into_iter().enumerate();
    let record = |(number, row): (usize, RawRow)| Record {
        path: path.to_owned(),
        number,
        line: row.line,
        fields: row.fields,
    };
    Ok(rows.map(record).collect())
}
