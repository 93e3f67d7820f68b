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

/// The usual columns with the names that question and answer have in `rows`, where both are among those known.
pub(crate) fn pair(rows: &[RawRow]) -> Option<Columns> {
    Some(Columns {
        instruction: named(rows, &QUESTIONS)?,
        response: named(rows, &ANSWERS)?,
        ..Columns::default()
    })
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
