//! Bytes as text and JSON, with the line and column of what is wrong.

use std::path::Path;

use crate::DataError;

/// How many line breaks there are.
pub(crate) fn newlines(bytes: &[u8]) -> usize {
    bytes.split(|&byte| byte == b'\n').count() - 1
}

/// The bytes as text; `line` is the line on which they begin.
pub(crate) fn text<'a>(path: &Path, bytes: &'a [u8], line: usize) -> Result<&'a str, DataError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let column = 1 + before
            .iter()
            .rev()
            .take_while(|&&byte| byte != b'\n')
            .count();
        DataError::Utf8 {
            path: path.to_owned(),
            line: line + newlines(before),
            column,
        }
    })
}

/// A parser's error, moved from its place in a part of the file to its place in the file: the part
/// begins on a line and after as many columns.
pub(crate) fn json_error(
    path: &Path,
    (line, column): (usize, usize),
    error: &serde_json::Error,
) -> DataError {
    let message = error.to_string();
    let reason = message
        .rfind(" at line ")
        .map_or(message.as_str(), |end| &message[..end]);
    let kind = if error.is_data() {
        "not the row expected here"
    } else {
        "not valid JSON"
    };
    let hint = if error.is_eof() {
        " (cut off, or over several lines outside an array?)"
    } else {
        ""
    };
    DataError::Json {
        path: path.to_owned(),
        line: line + error.line().saturating_sub(1),
        column: (error.column() + if error.line() <= 1 { column } else { 0 }).max(1),
        problem: format!("{kind}: {reason}{hint}"),
    }
}
