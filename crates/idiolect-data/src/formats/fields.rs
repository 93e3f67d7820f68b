//! One row's fields, asked for by name, with the place in every refusal.

use std::path::Path;

use serde_json::Value;

use crate::DataError;
use crate::rows::{RawRow, absent, describe};

/// A row and where it stands, for errors.
pub(crate) struct Place<'a> {
    pub(crate) path: &'a Path,
    pub(crate) number: usize,
    pub(crate) row: &'a RawRow,
}

impl Place<'_> {
    pub(crate) fn error(
        &self,
        field: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> DataError {
        DataError::Field {
            path: self.path.to_owned(),
            row: self.number,
            line: self.row.line,
            field: field.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// A field that is there and not null.
    pub(crate) fn value(&self, field: &str) -> Option<&Value> {
        self.row.fields.get(field).filter(|value| !value.is_null())
    }

    /// A field that is there and not null; of a text, the JSON that it is.
    pub(crate) fn json(&self, field: &str) -> Option<Value> {
        let value = self.value(field)?;
        let Value::String(text) = value else {
            return Some(value.clone());
        };
        let is_empty = text.trim().is_empty();
        let parsed = || serde_json::from_str(text).unwrap_or_else(|_| value.clone());
        (!is_empty).then(parsed)
    }

    pub(crate) fn missing(&self, field: &str, expected: &str) -> DataError {
        let found = match self.row.fields.get(field) {
            Some(value) => describe(value),
            None => absent(&self.row.fields),
        };
        self.error(field, expected, found)
    }

    pub(crate) fn optional_text(&self, field: &str) -> Result<Option<&str>, DataError> {
        let Some(value) = self.value(field) else {
            return Ok(None);
        };
        value
            .as_str()
            .map(Some)
            .ok_or_else(|| self.error(field, "a string", describe(value)))
    }

    pub(crate) fn text(&self, field: &str) -> Result<&str, DataError> {
        self.optional_text(field)?
            .ok_or_else(|| self.missing(field, "a string"))
    }

    pub(crate) fn list(&self, field: &str) -> Result<&[Value], DataError> {
        match self.value(field) {
            Some(Value::Array(list)) if !list.is_empty() => Ok(list),
            _ => Err(self.missing(field, "an array of turns")),
        }
    }
}
