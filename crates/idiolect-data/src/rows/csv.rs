//! Tables as text: a line of column names, then a row a line, cells between commas (RFC 4180).
//!
//! Every cell is text; an empty one is no value.
//! Columns that hold lists ([`LISTS`]) hold them as JSON text.
//! It guesses neither another delimiter nor numbers, and it reads the file whole.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, ErrorKind, Position, ReaderBuilder};
use idiolect_input::{LimitError, counted, limits, open_regular};
use serde_json::{Map, Value};

use super::raw::RawRow;
use super::text::newlines;
use crate::DataError;

/// Names under which the formats keep lists.
pub(crate) const LISTS: [&str; 5] = [
    "history",
    "conversations",
    "messages",
    "input_ids",
    "labels",
];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads the rows of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<RawRow>, DataError> {
    let io = |source| DataError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    };
    let mut bytes = Vec::new();
    let read = open_regular(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(io)?;
    let most = limits::ROW_BYTES
        .value()
        .map_err(|error| io(error.into()))?;
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    let file = File { path, bytes };
    file.is_closed()?;
    let mut reader = ReaderBuilder::new().from_reader(bytes);
    let header = reader.byte_headers().map_err(|error| file.error(&error))?;
    let names = file.names(&header.clone())?;
    let mut rows = Vec::new();
    for record in reader.byte_records() {
        let record = record.map_err(|error| file.error(&error))?;
        let length = record.as_slice().len() as u64;
        if length > most {
            let error = limits::ROW_BYTES.exceeded(most, &length.to_string());
            return Err(file.beyond(file.line(record.position()), error));
        }
        rows.push(file.row(&names, &record)?);
    }
    Ok(rows)
}

struct File<'a> {
    path: &'a Path,
    bytes: &'a [u8],
}

impl File<'_> {
    fn names(&self, header: &ByteRecord) -> Result<Vec<String>, DataError> {
        let line = self.line(header.position());
        let columns = limits::COLUMNS.check(header.len() as u64);
        columns.map_err(|error| self.beyond(line, error))?;
        let mut names: Vec<String> = Vec::with_capacity(header.len());
        let mut seen = HashSet::new();
        for cell in header {
            let name = self.text(cell, line, "names")?.trim();
            if !seen.insert(name) {
                let (expected, found) = ("names that differ", format!("{name:?} twice"));
                return Err(self.table(line, expected.to_owned(), found));
            }
            names.push(name.to_owned());
        }
        Ok(names)
    }

    fn row(&self, names: &[String], record: &ByteRecord) -> Result<RawRow, DataError> {
        let line = self.line(record.position());
        let mut fields = Map::new();
        for (name, cell) in names.iter().zip(record) {
            let value = match self.text(cell, line, name)? {
                "" => Value::Null,
                text if LISTS.contains(&name.as_str()) => list(text),
                text => text.into(),
            };
            fields.insert(name.clone(), value);
        }
        Ok(RawRow { line, fields })
    }

    fn text<'t>(&self, cell: &'t [u8], line: usize, column: &str) -> Result<&'t str, DataError> {
        str::from_utf8(cell).map_err(|error| {
            let found = format!("a bad byte after {}", error.valid_up_to());
            self.table(line, format!("UTF-8 in column {column}"), found)
        })
    }

    /// The line on which a record begins, 0 where it is not known. The parser's places stand before
    /// the line breaks that it skips.
    fn line(&self, place: Option<&Position>) -> usize {
        let line = || {
            let rest = self.bytes.get(usize::try_from(place?.byte()).ok()?..)?;
            let skipped = rest.iter().take_while(|byte| b"\r\n".contains(byte));
            let skipped = skipped.filter(|&&byte| byte == b'\n').count();
            Some(usize::try_from(place?.line()).ok()? + skipped)
        };
        line().unwrap_or(0)
    }

    /// Refuses a file that ends between quotation marks, as one does that was cut off.
    fn is_closed(&self) -> Result<(), DataError> {
        let (mut quoted, mut begins) = (false, true);
        for &byte in self.bytes {
            if byte == b'"' && (quoted || begins) {
                // Two marks inside quotes open them again at once, which is what they mean.
                quoted = !quoted;
                begins = !quoted;
            } else if !quoted {
                begins = matches!(byte, b',' | b'\n' | b'\r');
            }
        }
        if !quoted {
            return Ok(());
        }
        let lines = 1 + newlines(self.bytes);
        let found = "the end of the file (cut off?)".to_owned();
        Err(self.table(lines, "a closing quotation mark".to_owned(), found))
    }

    fn error(&self, error: &csv::Error) -> DataError {
        match error.kind() {
            ErrorKind::UnequalLengths {
                pos,
                expected_len,
                len,
            } => {
                let line = self.line(pos.as_ref());
                let expected = counted(*expected_len, "cell", "cells");
                self.table(line, expected, format!("{len} (cut off?)"))
            }
            _ => self.table(0, "a table".to_owned(), error.to_string()),
        }
    }

    fn beyond(&self, line: usize, error: LimitError) -> DataError {
        match error {
            LimitError::Exceeded { .. } => DataError::Json {
                path: self.path.to_owned(),
                line,
                column: 1,
                problem: error.to_string(),
            },
            other => DataError::Io {
                path: self.path.to_owned(),
                action: "read",
                source: other.into(),
            },
        }
    }

    fn table(&self, line: usize, expected: String, found: String) -> DataError {
        DataError::Csv {
            path: self.path.to_owned(),
            line,
            expected,
            found,
        }
    }
}

/// The list that a text stands for; the text itself where it is none, which the format refuses.
pub(crate) fn list(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}
