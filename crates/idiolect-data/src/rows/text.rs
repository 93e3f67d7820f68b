//! Bytes as text and JSON, with the line and column of what is wrong.

use std::io::{self, BufRead, Read};
use std::path::Path;

use idiolect_input::{LimitError, limits};

use crate::DataError;

/// Lines of a file, none longer than a row may be.
pub(crate) struct RowLines<R> {
    reader: R,
    most: u64,
}

impl<R: BufRead> RowLines<R> {
    pub(crate) fn new(reader: R) -> Result<Self, LimitError> {
        let most = limits::ROW_BYTES.value()?;
        Ok(Self { reader, most })
    }

    /// Adds the next line with its line break to `line`; how many bytes it has, 0 at the end of the file.
    pub(crate) fn read(&mut self, line: &mut Vec<u8>) -> io::Result<usize> {
        let mut bounded = self.reader.by_ref().take(self.most.saturating_add(1));
        let read = bounded.read_until(b'\n', line)?;
        if read as u64 > self.most {
            return Err(limits::ROW_BYTES.exceeded(self.most, "more").into());
        }
        Ok(read)
    }
}

/// That a line of a file could not be read: the line, where it is too long, else the file.
pub(crate) fn line_error(path: &Path, line: usize, source: io::Error) -> DataError {
    let path = path.to_owned();
    let limit = source
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<LimitError>());
    if limit.is_some() {
        return DataError::Json {
            path,
            line,
            column: 1,
            problem: source.to_string(),
        };
    }
    DataError::Io {
        path,
        action: "read",
        source,
    }
}

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

/// What Python reads and writes as JSON, and JSON does not have, where a parser stopped at it.
fn python_only(text: &str, error: &serde_json::Error) -> Option<&'static str> {
    let line = text.split('\n').nth(error.line().saturating_sub(1))?;
    let at = line.floor_char_boundary(error.column().saturating_sub(1));
    let begins = |word: &str| {
        let start = line.floor_char_boundary(at.saturating_sub(word.len()));
        line[start..]
            .find(word)
            .is_some_and(|found| start + found <= at)
    };
    let words = [
        (
            "-Infinity",
            "-Infinity, which JSON does not have (Python writes it)",
        ),
        (
            "Infinity",
            "Infinity, which JSON does not have (Python writes it)",
        ),
        ("NaN", "NaN, which JSON does not have (Python writes it)"),
    ];
    let message = error.to_string();
    if message.starts_with("unexpected end of hex escape") || message.starts_with("lone ") {
        return Some("half of a surrogate pair (\\ud800 to \\udfff alone), which is no character");
    }
    let mut words = words.into_iter().filter(|(word, _)| begins(word));
    words.next().map(|(_, said)| said).filter(|_| {
        ["expected value", "invalid number"]
            .iter()
            .any(|own| message.starts_with(own))
    })
}

/// A parser's error, moved from its place in a part of the file to its place in the file: the part
/// begins on a line and after as many columns.
pub(crate) fn json_error(
    path: &Path,
    (line, column): (usize, usize),
    error: &serde_json::Error,
    text: &str,
) -> DataError {
    let said = python_only(text, error);
    let message = error.to_string();
    let reason = message
        .rfind(" at line ")
        .map_or(message.as_str(), |end| &message[..end]);
    let reason = said.unwrap_or(reason);
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
