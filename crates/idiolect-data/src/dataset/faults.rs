//! What is wrong with a row in words, and rows of tables made ready for their format.

use serde_json::Value;

use crate::DataError;
use crate::formats::RowFormat;
use crate::rows::{RawRow, list};

/// The error with the format that the rows look like.
pub(super) fn with_look(error: DataError, looks: Option<&RowFormat>) -> DataError {
    match (error, looks) {
        (
            DataError::Field {
                path,
                row,
                line,
                field,
                expected,
                found,
            },
            Some(looks),
        ) => DataError::Field {
            path,
            row,
            line,
            field,
            expected,
            found: format!(
                "{found} (the rows look like {}, which --format auto finds)",
                looks.name
            ),
        },
        (error, _) => error,
    }
}

/// What is wrong with a row, without its place.
pub(super) fn problem(error: &DataError) -> String {
    match error {
        DataError::Field {
            field,
            expected,
            found,
            ..
        } => format!("{field}: expected {expected}, found {found}"),
        other => other.to_string(),
    }
}

/// Takes the text of a list column that has a name of its own for the list it stands for.
pub(super) fn unpack(rows: &mut [RawRow], format: &RowFormat) {
    let Some(name) = format.list_field() else {
        return;
    };
    for row in rows {
        if let Some(value) = row.fields.get_mut(name)
            && let Value::String(text) = value
        {
            *value = list(text);
        }
    }
}
