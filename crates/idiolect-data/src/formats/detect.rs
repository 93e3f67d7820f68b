//! The format of a file, found from the fields of its first rows.

use serde_json::Value;

use super::built_in::Format;
use super::columns::Columns;
use super::pairs::{answers, completed, pair, question};
use super::row_format::RowFormat;
use crate::DataError;
use crate::rows::{RawRow, RawRows, names};

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
/// have a `text` beside them. Turns tell by their own fields whether they have the names of messages or of sharegpt.
/// Where there is none, and no column was named by the user, question and answer of other usual names are taken.
///
/// # Errors
///
/// [`DataError::Field`] names the fields that are there, where none of them is known.
pub(crate) fn detect(raw: &RawRows, columns: &Columns) -> Result<FileFormat, DataError> {
    let first = &raw.rows[..raw.rows.len().min(FIRST_ROWS)];
    if has(first, "input_ids") {
        return Ok(FileFormat::Tokens);
    }
    if let Some(format) = look(first, columns) {
        Ok(FileFormat::Examples(format))
    } else if let Some(found) = pair(first).filter(|_| *columns == Columns::default()) {
        Ok(FileFormat::Examples(Format::Alpaca.with(&found)))
    } else {
        let mut names = telling(columns).map(|(_, name)| name).to_vec();
        names.dedup();
        Err(unpaired(raw, first).unwrap_or_else(|| unknown(raw, &names)))
    }
}

/// The format that rows look like.
pub(crate) fn look(rows: &[RawRow], columns: &Columns) -> Option<RowFormat> {
    let (format, name) = telling(columns)
        .into_iter()
        .find(|(_, name)| has(rows, name))?;
    let mut of_name = rows.iter().filter_map(|row| row.fields.get(name));
    let format = match format {
        Format::Messages | Format::Sharegpt => of_name.find_map(named_by_turns).unwrap_or(format),
        other => other,
    };
    let mut columns = columns.clone();
    match format {
        Format::Alpaca => columns = completed(columns, rows),
        Format::Messages => name.clone_into(&mut columns.messages),
        Format::Sharegpt => name.clone_into(&mut columns.conversations),
        Format::Completion if !has(rows, &columns.completion) && has(rows, RESPONSE) => {
            RESPONSE.clone_into(&mut columns.completion);
        }
        _ => {}
    }
    Some(format.with(&columns))
}

/// What rows with a `prompt` may call its answer, too.
const RESPONSE: &str = "response";

impl RowFormat {
    /// The format that one row looks like, by the names that the built-in formats have, or those of a question and its
    /// answer; none where it is of no format.
    #[must_use]
    pub fn of_row(row: &RawRow) -> Option<Self> {
        let row = std::slice::from_ref(row);
        let pair = || pair(row).map(|found| Format::Alpaca.with(&found));
        look(row, &Columns::default()).or_else(pair)
    }
}

/// Formats with the field that tells each.
fn telling(columns: &Columns) -> [(Format, &str); 6] {
    [
        (Format::Messages, columns.messages.as_str()),
        (Format::Sharegpt, &columns.conversations),
        (Format::Alpaca, &columns.instruction),
        (Format::Completion, &columns.completion),
        (Format::Completion, &columns.prompt),
        (Format::Text, &columns.text),
    ]
}

fn has(rows: &[RawRow], name: &str) -> bool {
    let mut values = rows.iter().filter_map(|row| row.fields.get(name));
    values.any(|value| !value.is_null())
}

/// Whose names the turns of a list have.
fn named_by_turns(turns: &Value) -> Option<Format> {
    let parsed;
    let turns = match turns {
        Value::String(text) => {
            parsed = serde_json::from_str::<Value>(text).ok()?;
            &parsed
        }
        other => other,
    };
    let first = turns.as_array()?.first()?.as_object()?;
    let has = |names: [&str; 2]| names.iter().all(|name| first.contains_key(*name));
    match (has(["role", "content"]), has(["from", "value"])) {
        (true, _) => Some(Format::Messages),
        (false, true) => Some(Format::Sharegpt),
        // A call of tools may have no content.
        (false, false) => first.contains_key("role").then_some(Format::Messages),
    }
}

/// Questions by a known name, and no answers.
fn unpaired(raw: &RawRows, first: &[RawRow]) -> Option<DataError> {
    let row = first.first()?;
    Some(DataError::Field {
        path: raw.path.clone(),
        row: 0,
        line: row.line,
        field: question(first)?,
        expected: format!("an answer beside it, in a column {}", answers()),
        found: names(&row.fields),
    })
}

fn unknown(raw: &RawRows, known: &[&str]) -> DataError {
    let row = raw.rows.first();
    DataError::Field {
        path: raw.path.clone(),
        row: 0,
        line: row.map_or(0, |row| row.line),
        field: "fields".to_owned(),
        expected: format!(
            "one of {}, input_ids, or a question with its answer (question and answer, query and response, ...), unless \
             format, or instruction_column with response_column, is given",
            known.join(", ")
        ),
        found: row.map_or_else(String::new, |row| names(&row.fields)),
    }
}
