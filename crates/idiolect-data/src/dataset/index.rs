//! Where each row of a JSON Lines file begins, so that a row can be read when it is needed.
//!
//! One pass over the file finds the rows; they are not parsed, and 16 bytes are kept of each.
//! What a row says, and whether it is one, shows when it is read.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use idiolect_input::open_regular;
use serde_json::Value;

use super::set::Row;
use crate::DataError;
use crate::formats::RowFormat;
use crate::rows::{
    RawRow, RowLines, bounded_value, describe, json_error, line_error, prepare_limits,
    require_rows, text,
};

/// A JSON Lines file and the places of its rows.
///
/// The file must not change while the index is in use.
#[derive(Debug)]
pub struct LineIndex {
    path: PathBuf,
    file: Mutex<File>,
    rows: Vec<Span>,
    fingerprint: u64,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: u64,
    bytes: u32,
    line: u32,
}

impl LineIndex {
    /// Finds the rows of a file; blank lines are none.
    ///
    /// # Errors
    ///
    /// [`DataError::Io`]; [`DataError::NoFile`]; [`DataError::Empty`]; [`DataError::Json`] for a JSON array, which has no
    /// lines, and for a line or a number of lines above four billion.
    pub fn new(path: &Path) -> Result<Self, DataError> {
        require_rows(path)?;
        let io = |source| read_error(path, source);
        let file = open_regular(path).map_err(io)?;
        prepare_limits().map_err(|error| io(error.into()))?;
        let reader = BufReader::with_capacity(1 << 20, &file);
        let mut reader = RowLines::new(reader).map_err(|error| io(error.into()))?;
        let (mut rows, mut fingerprint) = (Vec::new(), FNV_START);
        let (mut start, mut line, mut bytes) = (0, 0, Vec::new());
        loop {
            bytes.clear();
            let read = reader
                .read(&mut bytes)
                .map_err(|error| line_error(path, line + 1, error))?;
            if read == 0 {
                break;
            }
            line += 1;
            let mark = if start == 0 { mark(&bytes) } else { 0 };
            let row = &bytes[mark..];
            fingerprint = add(fingerprint, row);
            if !row.trim_ascii().is_empty() {
                let span = span(start + mark as u64, row.len(), line);
                let span = span.filter(|_| !rows.is_empty() || !row.trim_ascii().starts_with(b"["));
                rows.push(span.ok_or_else(|| unfit(path, line))?);
            }
            start += read as u64;
        }
        let path = path.to_owned();
        if rows.is_empty() {
            return Err(DataError::Empty { path });
        }
        let file = Mutex::new(file);
        Ok(Self {
            path,
            file,
            rows,
            fingerprint,
        })
    }

    /// Number of rows, at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Length of a row in bytes, its line break included.
    ///
    /// # Panics
    ///
    /// Where there is no such row.
    #[must_use]
    pub fn bytes(&self, row: usize) -> usize {
        self.rows[row].bytes as usize
    }

    /// A number that tells this file's contents from another's (FNV-1a), no more.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Reads a row's fields.
    ///
    /// # Errors
    ///
    /// [`DataError::Io`]; [`DataError::Utf8`] and [`DataError::Json`] for a row that is no object.
    ///
    /// # Panics
    ///
    /// Where there is no such row.
    pub fn raw(&self, row: usize) -> Result<RawRow, DataError> {
        let line = self.rows[row].line as usize;
        let bytes = self.line(self.rows[row]);
        let bytes = bytes.map_err(|source| read_error(&self.path, source))?;
        let text = text(&self.path, &bytes, line)?.trim_ascii_end();
        let value =
            bounded_value(text).map_err(|error| json_error(&self.path, (line, 0), &error, text))?;
        match value {
            Value::Object(fields) => Ok(RawRow { line, fields }),
            other => {
                let problem = format!(
                    "row {row}: expected a JSON object, found {}",
                    describe(&other)
                );
                Err(json(&self.path, line, problem))
            }
        }
    }

    /// Reads a row and what it says.
    ///
    /// # Errors
    ///
    /// As [`Self::raw`]; [`DataError::Field`] for a row that is not of the format.
    ///
    /// # Panics
    ///
    /// Where there is no such row.
    pub fn row(&self, row: usize, format: &RowFormat) -> Result<Row, DataError> {
        Row::new(&self.path, row, self.raw(row)?, format)
    }

    /// Where the rows lie; stands in errors.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn line(&self, span: Span) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; span.bytes as usize];
        // A reader that panicked left no more than a position behind.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(span.start))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// Length of a byte order mark.
fn mark(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    }
}

fn span(start: u64, bytes: usize, line: usize) -> Option<Span> {
    let bytes = u32::try_from(bytes).ok()?;
    let line = u32::try_from(line).ok()?;
    Some(Span { start, bytes, line })
}

fn unfit(path: &Path, line: usize) -> DataError {
    let problem = "expected JSON Lines with rows below 4 GB, found an array or more";
    json(path, line, problem.to_owned())
}

fn json(path: &Path, line: usize, problem: String) -> DataError {
    DataError::Json {
        path: path.to_owned(),
        line,
        column: 1,
        problem,
    }
}

fn read_error(path: &Path, source: io::Error) -> DataError {
    DataError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    }
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

fn add(hash: u64, bytes: &[u8]) -> u64 {
    let one = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(hash, one)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's own file")]
mod tests {
    use super::*;
    use crate::{Dataset, Format};

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn rows_are_those_of_the_whole_set_in_any_order() {
        let text = "\u{feff}\r\n{\"text\": \"a\u{e4}\"}\r\n\n  {\"text\": \"\"}\n{\"text\": \"c\"}";
        let (_folder, path) = file(text);
        let (index, format) = (LineIndex::new(&path).unwrap(), Format::Text.into());
        let set = Dataset::open_as(&path, Format::Text).unwrap();
        assert_eq!(index.len(), set.rows.len());
        for (at, row) in set.rows.iter().enumerate().rev() {
            assert_eq!(&index.row(at, &format).unwrap(), row);
        }
        assert_eq!(index.bytes(2), 13);
    }

    #[test]
    fn what_is_wrong_is_said_as_for_the_whole_set() {
        let (_folder, path) = file("{\"text\": \"a\"}\n\n{\"text\": 7}\n{\"text\n3\n");
        let (index, format) = (LineIndex::new(&path).unwrap(), Format::Text.into());
        let said = |row| index.row(row, &format).unwrap_err().to_string();
        assert!(
            said(1).contains("row 1 (line 3): text: expected a string"),
            "{}",
            said(1)
        );
        assert!(said(2).contains("line 4, column"), "{}", said(2));
        assert!(said(3).contains("line 5, column 1: row 3: expected a JSON object"));
        let (_folder, array) = file("[{\"text\": \"a\"}]\n");
        let error = LineIndex::new(&array).unwrap_err().to_string();
        assert!(error.contains("expected JSON Lines"), "{error}");
        let (_folder, empty) = file("\n\n");
        assert!(matches!(
            LineIndex::new(&empty),
            Err(DataError::Empty { .. })
        ));
    }

    #[test]
    fn another_text_has_another_fingerprint() {
        let prints = [
            "{\"text\": \"a\"}",
            "{\"text\": \"b\"}",
            "{\"text\": \"a\"}",
        ]
        .map(|text| {
            let (_folder, path) = file(text);
            LineIndex::new(&path).unwrap().fingerprint()
        });
        assert!(prints[0] != prints[1] && prints[0] == prints[2]);
    }
}
