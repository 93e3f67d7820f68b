//! An error about a row with the file and the line of the row, and what can be done.

use std::path::PathBuf;

use idiolect_data::{DataError, Row};
use idiolect_lm::LmError;
use idiolect_tokens::{RowProblem, TokensError};

use crate::FineTuneError;

/// The error with the place of its row, where the rows are those of one file; another error as it is.
pub(super) fn placed(error: FineTuneError, rows: &[Row], files: &[PathBuf]) -> FineTuneError {
    let FineTuneError::Lm(LmError::Tokens(TokensError::Row { id, problem })) = &error else {
        return error;
    };
    let at = rows.iter().position(|row| row.example.id == *id);
    let ([path], Some(at), Some((field, expected, found))) = (files, at, parts(problem)) else {
        return error;
    };
    DataError::Field {
        path: path.clone(),
        row: at,
        line: rows[at].line,
        field: field.to_owned(),
        expected,
        found,
    }
    .into()
}

/// What of a row is wrong, what is expected of it, and what is found; none where the row is no text.
fn parts(problem: &RowProblem) -> Option<(&'static str, String, String)> {
    match problem {
        RowProblem::TooLong { length, max_length } => Some((
            "length",
            format!(
                "at most {max_length} tokens (a larger max_length, or --truncation drop or cut, takes the row)"
            ),
            length.to_string(),
        )),
        RowProblem::NoTrainedToken => Some((
            "response",
            "at least one trained token (inspect --data shows what is trained)".to_owned(),
            "none".to_owned(),
        )),
        RowProblem::NoEndOfTurn { token, text } => Some((
            "response",
            "an end-of-turn token at its end (another template writes one)".to_owned(),
            format!("token {token} ({text:?})"),
        )),
        _ => None,
    }
}
