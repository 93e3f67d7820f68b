//! The text of a JSON array, read value by value to know on which line each begins.

use std::path::Path;

use serde_json::Value;

use super::bounded::first_value;
use super::text::{json_error, newlines};
use crate::DataError;

/// A place in the text of an array.
pub(crate) struct Cursor<'a> {
    path: &'a Path,
    text: &'a str,
    at: usize,
    line: Line,
}

/// The line up to which line breaks have been counted.
struct Line {
    number: usize,
    start: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(path: &'a Path, text: &'a str) -> Self {
        Self {
            path,
            text,
            at: 0,
            line: Line {
                number: 1,
                start: 0,
            },
        }
    }

    /// Skips white space.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_ascii_start().len();
        self.text.as_bytes().get(self.at).copied()
    }

    /// The line, from 1, and the bytes before the cursor on it.
    fn place(&mut self) -> (usize, usize) {
        let passed = &self.text.as_bytes()[self.line.start..self.at];
        self.line.number += newlines(passed);
        if let Some(last) = passed.iter().rposition(|&byte| byte == b'\n') {
            self.line.start += last + 1;
        }
        (self.line.number, self.at - self.line.start)
    }

    pub(crate) fn take(&mut self, expected: &[u8]) -> Result<u8, DataError> {
        match self.peek() {
            Some(byte) if expected.contains(&byte) => {
                self.at += 1;
                Ok(byte)
            }
            found => Err(self.unexpected(expected, found)),
        }
    }

    fn unexpected(&mut self, expected: &[u8], found: Option<u8>) -> DataError {
        let expected: Vec<_> = expected
            .iter()
            .map(|&byte| format!("`{}`", byte as char))
            .collect();
        let found = match found {
            Some(_) => format!("{:?}", self.text[self.at..].chars().next().unwrap_or(' ')),
            None => "the end of the file (cut off?)".to_owned(),
        };
        let (line, column) = self.place();
        let problem = format!("expected {}, found {found}", expected.join(" or "));
        DataError::Json {
            path: self.path.to_owned(),
            line,
            column: column + 1,
            problem,
        }
    }

    pub(crate) fn value(&mut self) -> Result<(usize, Value), DataError> {
        self.peek();
        let (line, column) = self.place();
        match first_value(&self.text[self.at..]) {
            Some(Ok((value, length))) => {
                self.at += length;
                Ok((line, value))
            }
            Some(Err(error)) => Err(json_error(
                self.path,
                (line, column),
                &error,
                &self.text[self.at..],
            )),
            None => Err(self.unexpected(b"{", None)),
        }
    }

    pub(crate) fn end(&mut self) -> Result<(), DataError> {
        if self.peek().is_none() {
            return Ok(());
        }
        let (line, column) = self.place();
        let problem = "text after the end of the array".to_owned();
        Err(DataError::Json {
            path: self.path.to_owned(),
            line,
            column: column + 1,
            problem,
        })
    }
}
