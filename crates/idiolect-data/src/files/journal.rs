//! A file that grows by one JSON line at a time and survives being killed.
//!
//! Each row is synced before `append` returns, so that a row that the caller saw written is there
//! after a crash.
//! At most the last line can be torn; it is cut off at the next opening.
//! Each row that is an object ends with its checksum, so that one which was changed later is refused; rows of
//! earlier versions have none and are read as they are.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use idiolect_input::{open_growing, open_regular};

use super::checksum::{compare, with_checksum};
use super::lock::lock_file;
use super::write::write_atomically;
use crate::DataError;
use crate::rows::{json_error, text};

/// An open journal. It is locked until it is dropped, so that one process writes to it at a time.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens a journal, or begins one, and returns the rows that it has.
    ///
    /// A last line that has no line break, or is no whole JSON value, was torn by a crash: it is
    /// cut off from the file.
    ///
    /// # Errors
    ///
    /// [`DataError::Io`], also for what is no regular file; [`DataError::InUse`] where it is open elsewhere;
    /// [`DataError::Checksum`] for a row that was changed; [`DataError::Utf8`] and [`DataError::Json`] for any
    /// other line that is not a `T`.
    pub fn open<T: DeserializeOwned>(path: &Path) -> Result<(Self, Vec<T>), DataError> {
        let io = |source| DataError::Io {
            path: path.to_owned(),
            action: "open",
            source,
        };
        let mut file = open_growing(path).map_err(io)?;
        lock_file(&file, path)?;
        let (rows, whole) = rows(path, &mut BufReader::new(&mut file))?;
        cut(&mut file, whole).map_err(io)?;
        Ok((
            Self {
                path: path.to_owned(),
                file,
            },
            rows,
        ))
    }

    /// The rows of a journal that somebody else may be writing; the file stays as it is.
    ///
    /// A last row that is torn is left out.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], and [`DataError::Io`] where there is none.
    pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, DataError> {
        let file = open_regular(path).map_err(|source| DataError::Io {
            path: path.to_owned(),
            action: "read",
            source,
        })?;
        Ok(rows(path, &mut BufReader::new(file))?.0)
    }

    /// Writes a journal anew, whole or not at all; one that is open is to be opened again.
    ///
    /// # Errors
    ///
    /// As [`write_atomically`].
    pub fn write<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), DataError> {
        write_atomically(path, |out| {
            rows.iter()
                .try_for_each(|row| out.write_all(line(row)?.as_bytes()))
        })
    }

    /// Writes one row as a line and waits until it is on the disk.
    ///
    /// # Errors
    ///
    /// [`DataError::Io`].
    pub fn append<T: Serialize>(&mut self, row: &T) -> Result<(), DataError> {
        self.append_all(std::slice::from_ref(row))
    }

    /// Writes rows that belong together as lines and waits until all of them are on the disk.
    ///
    /// # Errors
    ///
    /// As [`Self::append`].
    pub fn append_all<T: Serialize>(&mut self, rows: &[T]) -> Result<(), DataError> {
        let lines: io::Result<String> = rows.iter().map(line).collect();
        let written = lines.and_then(|lines| {
            self.file.write_all(lines.as_bytes())?;
            self.file.sync_data()
        });
        written.map_err(|source| DataError::Io {
            path: self.path.clone(),
            action: "append to",
            source,
        })
    }

    /// Where the journal lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A row as it is written.
fn line<T: Serialize>(row: &T) -> io::Result<String> {
    Ok(with_checksum(serde_json::to_string(row)?) + "\n")
}

/// The rows, and the number of bytes that hold them; a line at a time, so that a journal may be
/// longer than the memory that its rows take.
fn rows<T: DeserializeOwned>(
    path: &Path,
    reader: &mut impl BufRead,
) -> Result<(Vec<T>, u64), DataError> {
    let io = |source| DataError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    };
    let (mut rows, mut whole) = (Vec::new(), 0);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let length = reader.read_until(b'\n', &mut line).map_err(io)?;
        if !line.ends_with(b"\n") {
            break;
        }
        match journal_row(path, &line, number) {
            Ok(row) => rows.extend(row),
            Err(_) if is_torn(&line) && reader.fill_buf().map_err(io)?.is_empty() => break,
            Err(error) => return Err(error),
        }
        whole += length as u64;
    }
    Ok((rows, whole))
}

/// The row of a journal that a line holds, none where it is blank; the line's number is for errors.
///
/// # Errors
///
/// [`DataError::Checksum`] for a row that was changed; [`DataError::Utf8`] and [`DataError::Json`] for a line that
/// is not a `T`.
pub fn journal_row<T: DeserializeOwned>(
    path: &Path,
    line: &[u8],
    number: usize,
) -> Result<Option<T>, DataError> {
    // Without its line break, so that no fault is said to be on the line behind.
    let text = text(path, line, number)?.trim_ascii_end();
    if text.trim_ascii_start().is_empty() {
        return Ok(None);
    }
    let row =
        serde_json::from_str(text).map_err(|error| json_error(path, (number, 0), &error, ""))?;
    compare(text).map_err(|mismatch| DataError::Checksum {
        path: path.to_owned(),
        line: number,
        expected: mismatch.expected,
        found: mismatch.found,
    })?;
    Ok(Some(row))
}

/// Not a JSON value at all, as opposed to a row of another kind.
fn is_torn(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err()
}

fn cut(file: &mut File, whole: u64) -> io::Result<()> {
    if file.metadata()?.len() != whole {
        file.set_len(whole)?;
        file.sync_all()?;
    }
    file.seek(SeekFrom::End(0)).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;

    fn reopened(contents: &[u8]) -> (Result<Vec<u32>, String>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        fs::write(&path, contents).unwrap();
        let rows = Journal::open::<u32>(&path).map(|(_, rows)| rows);
        let name = path.display().to_string();
        (
            rows.map_err(|error| error.to_string().replace(&name, "F")),
            fs::read(&path).unwrap(),
        )
    }

    #[test]
    fn a_torn_last_line_is_cut_off() {
        for torn in [
            "1\n2\n3",
            "1\n2\n\"x",
            "1\n2\n{\"a\n",
            "1\n2\n\0\0\0\0",
            "1\n2\n\0\0\n",
        ] {
            assert_eq!(
                reopened(torn.as_bytes()),
                (Ok(vec![1, 2]), b"1\n2\n".to_vec()),
                "{torn}"
            );
        }
        assert_eq!(reopened(b"1\n\xc3").0, Ok(vec![1]));
        assert_eq!(reopened(b"").0, Ok(vec![]));
    }

    #[test]
    fn a_broken_line_before_the_last_is_an_error_and_nothing_is_cut() {
        let (rows, left) = reopened(b"1\n{\"a\n3\n");
        let error = rows.unwrap_err();
        assert!(error.starts_with("F: line 2, column "), "{error}");
        assert_eq!(left, b"1\n{\"a\n3\n");
        assert_eq!(
            reopened(b"1\n\xff\n3\n").0.unwrap_err(),
            "F: line 2: invalid UTF-8 at byte 1"
        );
    }

    #[test]
    fn a_last_row_of_another_kind_is_an_error_not_torn() {
        let error = reopened(b"1\n{\"id\":2}\n").0.unwrap_err();
        assert!(
            error.starts_with("F: line 2, column 1: not the row expected here: invalid type"),
            "{error}"
        );
    }

    fn changed(text: &str, torn: &str) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        Journal::write(&path, &[json!({"n": 1}), json!({"n": 2})]).unwrap();
        let row = fs::read_to_string(&path).unwrap().replace(":2", text) + torn;
        fs::write(&path, &row).unwrap();
        let told = |error: DataError| error.to_string().replace(&path.display().to_string(), "F");
        let read = Journal::read::<Value>(&path).map_err(told).unwrap_err();
        let opened = Journal::open::<Value>(&path).map(|(_, rows)| rows);
        assert_eq!(opened.map_err(told).unwrap_err(), read);
        (
            read,
            fs::read_to_string(&path).unwrap().replace(&row, "ROWS"),
        )
    }

    #[test]
    fn a_row_that_was_changed_is_refused_by_its_line_and_nothing_is_cut() {
        for torn in ["", "{\"n\":"] {
            let (error, left) = changed(":3", torn);
            let (before, after) = error.split_once(": expected ").unwrap();
            assert_eq!((before, left.as_str()), ("F: line 2: crc32c", "ROWS"));
            assert!(after.ends_with("(the row was changed after it was written)"));
        }
    }

    #[test]
    fn rows_without_a_checksum_may_stand_before_rows_with_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        fs::write(&path, "{\"n\":1}\n").unwrap();
        for count in 1..4 {
            let (mut journal, rows) = Journal::open::<Value>(&path).unwrap();
            assert_eq!(rows.len(), count);
            assert_eq!(rows[0], json!({"n": 1}));
            journal.append(&json!({"n": 1})).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "{\"n\":1}");
        assert!(lines[1].starts_with("{\"n\":1,\"crc32c\":\"") && lines[1] == lines[3]);
    }
}
