//! Rows in JSON: an array, which is read whole, or JSON Lines, read line by line.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use idiolect_input::{limits, open_regular};
use serde_json::Value;

use super::array::Cursor;
use super::bounded::{bounded_value, prepare};
use super::raw::{Layout, RawRow};
use super::text::{RowLines, json_error, line_error, newlines, text};
use super::value::describe;
use crate::DataError;

/// Reads the rows of a file; of JSON Lines no more than `most`.
pub(super) fn read(path: &Path, most: usize) -> Result<(Layout, Vec<RawRow>), DataError> {
    let io = |source| DataError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    };
    let mut reader = open(path).map_err(io)?;
    prepare().map_err(|error| io(error.into()))?;
    let mut head = Vec::new();
    skip_blank(&mut reader, &mut head).map_err(io)?;
    let mut source = Source {
        path,
        most,
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

/// The bytes of a file, unpacked where its name ends in `.zst`.
fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let file = open_regular(path)?;
    if path
        .extension()
        .is_none_or(|end| !end.eq_ignore_ascii_case("zst"))
    {
        return Ok(Box::new(BufReader::new(file)));
    }
    let most = limits::TABLE_BYTES.value()?;
    let unpacked = zstd::Decoder::new(file)?;
    Ok(Box::new(BufReader::new(Bounded {
        reader: unpacked,
        left: most,
        most,
    })))
}

/// A compressed file that gives an error where it is longer than it may be: what is read counts, not what it promises.
struct Bounded<R> {
    reader: R,
    left: u64,
    most: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(bytes)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or_else(|| limits::TABLE_BYTES.exceeded(self.most, "more"))?;
        Ok(read)
    }
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
    most: usize,
    rows: Vec<RawRow>,
}

impl Source<'_> {
    fn lines(&mut self, reader: impl BufRead, head: &[u8]) -> Result<(), DataError> {
        let mut line = 1 + newlines(head);
        let mut reader =
            RowLines::new(reader).map_err(|error| line_error(self.path, line, error.into()))?;
        let blank = head.iter().rev().take_while(|&&byte| byte != b'\n').count();
        let mut bytes = vec![b' '; blank];
        while self.rows.len() < self.most
            && reader
                .read(&mut bytes)
                .map_err(|error| line_error(self.path, line, error))?
                > 0
        {
            let text = text(self.path, &bytes, line)?;
            if !text.trim_ascii().is_empty() {
                let value = bounded_value(text.trim_ascii_end())
                    .map_err(|error| json_error(self.path, (line, 0), &error, text))?;
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
