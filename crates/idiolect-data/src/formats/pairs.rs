//! Columns of questions and answers that have other names than usual.
//!
//! Names alone tell; nothing guesses by what a column contains.

use super::columns::Columns;
use crate::rows::RawRow;

/// Names of a column with questions, the most telling first, in lower case.
const QUESTIONS: [&str; 6] = [
    "instruction",
    "question",
    "query",
    "problem",
    "prompt",
    "input",
];
/// Names of a column with answers.
const ANSWERS: [&str; 7] = [
    "output",
    "answer",
    "response",
    "solution",
    "completion",
    "target",
    "reply",
];

/// Names of a column with what a question is about.
const INPUTS: [&str; 2] = ["input", "context"];

/// The usual columns with the names that question and answer have in `rows`, where both are among those known.
pub(crate) fn pair(rows: &[RawRow]) -> Option<Columns> {
    let columns = Columns {
        instruction: question(rows)?,
        response: named(rows, &ANSWERS)?,
        ..Columns::default()
    };
    Some(completed(columns, rows))
}

/// The column with questions, where it has a name that is known.
pub(super) fn question(rows: &[RawRow]) -> Option<String> {
    named(rows, &QUESTIONS)
}

/// The names of answers, for a message.
pub(super) fn answers() -> String {
    ANSWERS.join(", ")
}

/// Columns of pairs in which answer and input have their usual names, or others that are known where rows have no
/// such column; names that a user gave stay.
pub(super) fn completed(mut columns: Columns, rows: &[RawRow]) -> Columns {
    let usual = Columns::default();
    let is_there = |name: &str| named(rows, &[&name.to_lowercase()]).is_some();
    if columns.response == usual.response && !is_there(&usual.response) {
        columns.response = named(rows, &ANSWERS).unwrap_or(columns.response);
    }
    if columns.input == usual.input && !is_there(&usual.input) {
        columns.input = named(rows, &INPUTS).unwrap_or(columns.input);
    }
    columns
}

/// The column of the first name that a row has.
pub(crate) fn named(rows: &[RawRow], names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let mut columns = rows.iter().flat_map(|row| row.fields.iter());
        let found =
            columns.find(|(column, value)| column.to_lowercase() == *name && !value.is_null());
        found.map(|(column, _)| column.clone())
    })
}
