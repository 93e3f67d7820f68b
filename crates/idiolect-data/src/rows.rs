//! Files of rows with named fields: a JSON array, an object a line, or a table.
//!
//! It knows nothing of examples; prompts and ready token rows are read through it too.
//! JSON Lines are read line by line, an array whole.
//! Tables are known by the ending of the file's name, `.csv` or `.parquet`.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::array::Cursor;
use crate::place::describe;
use crate::{DataError, csv, parquet};

/// How the rows lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One JSON array of objects.
    Array,
    /// JSON Lines: an object on each line, blank lines between allowed.
    Lines,
    /// A table, CSV or Parquet; it is written back as JSON Lines.
    Table,
}

/// One JSON object, or row of a table, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRow {
    /// The line on which it begins, from 1; in Parquet, which has no lines, its place from 1.
    pub line: usize,
    /// Its fields, in the file's order.
    pub fields: Map<String, Value>,
}

/// The rows of a file, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRows {
    /// Where they came from; stands in every error.
    pub path: PathBuf,
    /// How they lay there.
    pub layout: Layout,
    /// At least one row.
    pub rows: Vec<RawRow>,
}

/// Reads a file of rows, in any layout, text with or without a byte order mark.
///
/// # Errors
///
/// [`DataError::Io`], [`DataError::Utf8`], [`DataError::Json`] (also for a row that is no object,
/// and for a file cut off in the middle), [`DataError::Csv`], [`DataError::Parquet`],
/// [`DataError::Empty`].
pub fn read_rows(path: &Path) -> Result<RawRows, DataError> {
    let ending = path.extension().map(OsStr::to_ascii_lowercase);
    let (layout, rows) = match ending.as_ref().and_then(|ending| ending.to_str()) {
        Some("csv") => (Layout::Table, csv::read(path)?),
        Some("parquet") => (Layout::Table, parquet::read(path)?),
        _ => read_json(path)?,
    };
    let path = path.to_owned();
    if rows.is_empty() {
        return Err(DataError::Empty { path });
    }
    Ok(RawRows { path, layout, rows })
}

fn read_json(path: &Path) -> Result<(Layout, Vec<RawRow>), DataError> {
    let io = |source| DataError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    };
    let mut reader = BufReader::new(File::open(path).map_err(io)?);
    let mut head = Vec::new();
    skip_blank(&mut reader, &mut head).map_err(io)?;
    let mut source = Source {
        path,
        rows: Vec::new(),
    };
    let layout = if reader.fill_buf().map_err(io)?.first() == Some(&b'[') {
        reader.read_to_end(&mut head).map_err(io)?;
        source.array(&head)?;
        Layout::Array
    } else {
        source.lines(reader, &head)?;
        Layout::Lines
    };
    Ok((layout, source.rows))
}

/// Moves a byte order mark and white space to `head`; the mark as white space, so that columns
/// still count.
fn skip_blank(reader: &mut impl BufRead, head: &mut Vec<u8>) -> io::Result<()> {
    if reader.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
        reader.consume(3);
        head.extend(b"   ");
    }
    while let Some(&byte) = reader.fill_buf()?.first() {
        if !byte.is_ascii_whitespace() {
            break;
        }
        head.push(byte);
        reader.consume(1);
    }
    Ok(())
}

struct Source<'a> {
    path: &'a Path,
    rows: Vec<RawRow>,
}

impl Source<'_> {
    fn lines(&mut self, mut reader: impl BufRead, head: &[u8]) -> Result<(), DataError> {
        let io = |source| DataError::Io {
            path: self.path.to_owned(),
            action: "read",
            source,
        };
        let mut line = 1 + newlines(head);
        let blank = head.iter().rev().take_while(|&&byte| byte != b'\n').count();
        let mut bytes = vec![b' '; blank];
        while reader.read_until(b'\n', &mut bytes).map_err(io)? > 0 {
            let text = text(self.path, &bytes, line)?;
            if !text.trim_ascii().is_empty() {
                let value = serde_json::from_str(text.trim_ascii_end())
                    .map_err(|error| json_error(self.path, (line, 0), &error))?;
                self.push(line, value)?;
            }
            bytes.clear();
            line += 1;
        }
        Ok(())
    }

    fn array(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        let mut cursor = Cursor::new(self.path, text(self.path, bytes, 1)?);
        cursor.take(b"[")?;
        if cursor.peek() == Some(b']') {
            return cursor.take(b"]").and_then(|_| cursor.end());
        }
        loop {
            let (line, value) = cursor.value()?;
            self.push(line, value)?;
            if cursor.take(b",]")? == b']' {
                return cursor.end();
            }
        }
    }

    fn push(&mut self, line: usize, value: Value) -> Result<(), DataError> {
        let Value::Object(fields) = value else {
            let problem = format!(
                "row {}: expected a JSON object, found {}",
                self.rows.len(),
                describe(&value)
            );
            return Err(DataError::Json {
                path: self.path.to_owned(),
                line,
                column: 1,
                problem,
            });
        };
        self.rows.push(RawRow { line, fields });
        Ok(())
    }
}

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
