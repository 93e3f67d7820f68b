//! The format of a file, found from the fields of its first rows.

use super::built_in::Format;
use super::columns::Columns;
use super::row_format::RowFormat;
use crate::DataError;
use crate::rows::{RawRows, names};

/// What the rows of a file hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there is one for each file")]
pub enum FileFormat {
    /// Conversations or texts, read as [`crate::Dataset`].
    Examples(RowFormat),
    /// Token ids with labels, `{"input_ids", "labels"}`, read by [`crate::read_rows`].
    Tokens,
}

/// Rows that are looked at.
pub(crate) const FIRST_ROWS: usize = 8;

/// The format whose field one of the first rows has, the most telling field first: a set of `messages` may well
/// have a `text` beside them.
///
/// # Errors
///
/// [`DataError::Field`] names the fields that are there, where none of them is known.
pub(crate) fn detect(raw: &RawRows, columns: &Columns) -> Result<FileFormat, DataError> {
    let first = raw.rows.iter().take(FIRST_ROWS);
    let has = |name: &str| {
        let mut values = first.clone().filter_map(|row| row.fields.get(name));
        values.any(|value| !value.is_null())
    };
    if has("input_ids") {
        return Ok(FileFormat::Tokens);
    }
    let telling = [
        (Format::Messages, &columns.messages),
        (Format::Sharegpt, &columns.conversations),
        (Format::Alpaca, &columns.instruction),
        (Format::Text, &columns.text),
    ];
    match telling.iter().find(|(_, name)| has(name)) {
        Some((format, _)) => Ok(FileFormat::Examples(format.with(columns))),
        None => Err(unknown(raw, &telling.map(|(_, name)| name.as_str()))),
    }
}

fn unknown(raw: &RawRows, known: &[&str]) -> DataError {
    let row = raw.rows.first();
    DataError::Field {
        path: raw.path.clone(),
        row: 0,
        line: row.map_or(0, |row| row.line),
        field: "fields".to_owned(),
        expected: format!(
            "one of {} or input_ids, unless a format is given",
            known.join(", ")
        ),
        found: row.map_or_else(String::new, |row| names(&row.fields)),
    }
}
