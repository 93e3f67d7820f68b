//! Rows of tokens on disk, for a data set that is read row by row: what was encoded once is read from then on.
//!
//! The file begins with a line that says of which data, template, tokenizer and limit its rows are; after any
//! other line it begins anew. Behind it stand records in the order in which rows were encoded: number, bytes
//! and CRC-32C in four bytes each, then the tokens; a row that is left out for its length has none.
//! It is no journal: nothing waits for the disk, a torn end is cut off at the next opening, and a record whose
//! checksum is wrong counts as none. Nothing depends on it but time.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use idiolect_data::{DataError, lock_file};
use idiolect_input::open_growing;
use idiolect_tokens::TokenRow;

use crate::FineTuneError;
use record::{HEAD, checksum, numbers, record, tokens};

mod record;

/// Where a row that is not there lies.
const ABSENT: u64 = u64::MAX;

/// An open cache. It is locked until it is dropped, so that one process writes to it at a time.
#[derive(Debug)]
pub(crate) struct TokenCache {
    path: PathBuf,
    open: RefCell<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Where the next record goes.
    end: u64,
    /// Where each row's record begins: all that is held in memory, 8 bytes a row.
    places: Vec<u64>,
}

/// What a cache knows of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cached {
    /// Nothing yet.
    Absent,
    /// That it is left out for its length.
    LeftOut,
    /// Its tokens.
    Row(TokenRow),
}

impl TokenCache {
    /// Opens the cache of `rows` rows, or begins one; `key` stands for all that decides their tokens.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Io`].
    pub(crate) fn open(path: &Path, key: &str, rows: usize) -> Result<Self, FineTuneError> {
        let file = open_growing(path).map_err(FineTuneError::io(path))?;
        lock_file(&file, path).map_err(DataError::from)?;
        let scanned = scan(&file, &format!("token rows 1 {key}\n"), rows);
        let (end, places) = scanned.map_err(FineTuneError::io(path))?;
        Ok(Self {
            path: path.to_owned(),
            open: RefCell::new(Open { file, end, places }),
        })
    }

    /// What is known of a row.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Io`].
    pub(crate) fn get(&self, row: usize) -> Result<Cached, FineTuneError> {
        let mut open = self.open.borrow_mut();
        match open.places.get(row) {
            None | Some(&ABSENT) => Ok(Cached::Absent),
            Some(&place) => open.read(row, place).map_err(FineTuneError::io(&self.path)),
        }
    }

    /// Keeps a row, or that it is left out.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Io`].
    pub(crate) fn put(&self, row: usize, tokens: Option<&TokenRow>) -> Result<(), FineTuneError> {
        let record = u32::try_from(row)
            .ok()
            .and_then(|number| record(number, tokens));
        let Some(record) = record else {
            // Labels that no vocabulary has are encoded again each time.
            return Ok(());
        };
        let written = self.open.borrow_mut().append(row, &record);
        written.map_err(FineTuneError::io(&self.path))
    }
}

impl Open {
    fn read(&mut self, row: usize, place: u64) -> io::Result<Cached> {
        let mut head = [0; HEAD];
        self.file.seek(SeekFrom::Start(place))?;
        self.file.read_exact(&mut head)?;
        let [number, bytes, check] = numbers(&head);
        let mut body = vec![0; bytes as usize];
        self.file.read_exact(&mut body)?;
        if number as usize != row || checksum(number, &body) != check {
            return Ok(Cached::Absent);
        }
        if body.is_empty() {
            return Ok(Cached::LeftOut);
        }
        Ok(tokens(&body).map_or(Cached::Absent, Cached::Row))
    }

    fn append(&mut self, row: usize, record: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(record)?;
        if let Some(place) = self.places.get_mut(row) {
            *place = self.end;
        }
        self.end += record.len() as u64;
        Ok(())
    }
}

/// Where the records of a file end and where each row's is; the file begins with `first` from then on, and a
/// torn record is cut off.
fn scan(file: &File, first: &str, rows: usize) -> io::Result<(u64, Vec<u64>)> {
    let mut places = vec![ABSENT; rows];
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut found = Vec::new();
    (&mut reader)
        .take(first.len() as u64)
        .read_to_end(&mut found)?;
    let mut end = first.len() as u64;
    if found != first.as_bytes() {
        let mut file = file;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(first.as_bytes())?;
        return Ok((end, places));
    }
    let whole = file.metadata()?.len();
    let mut head = [0; HEAD];
    while end + HEAD as u64 <= whole {
        reader.read_exact(&mut head)?;
        let [number, bytes, _] = numbers(&head);
        let next = end + HEAD as u64 + u64::from(bytes);
        let Some(place) = places.get_mut(number as usize).filter(|_| next <= whole) else {
            break;
        };
        *place = end;
        reader.seek_relative(i64::from(bytes))?;
        end = next;
    }
    file.set_len(end)?;
    Ok((end, places))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's own file")]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(at: u32) -> TokenRow {
        TokenRow {
            id: json!(format!("r{at}")),
            input_ids: (at..at + 5).collect(),
            labels: vec![-100, -100, 7, 8, i64::from(at)],
            teacher: Vec::new(),
        }
    }

    fn filled(path: &Path) -> u64 {
        let cache = TokenCache::open(path, "a", 4).unwrap();
        cache.put(2, Some(&row(2))).unwrap();
        cache.put(0, None).unwrap();
        cache.put(3, Some(&row(3))).unwrap();
        std::fs::metadata(path).unwrap().len()
    }

    fn cached(path: &Path, key: &str) -> [Cached; 4] {
        let cache = TokenCache::open(path, key, 4).unwrap();
        [0, 1, 2, 3].map(|row| cache.get(row).unwrap())
    }

    #[test]
    fn rows_come_back_as_they_were_and_a_torn_one_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.cache");
        let whole = filled(&path);
        let (out, two, three) = (Cached::LeftOut, Cached::Row(row(2)), Cached::Row(row(3)));
        let all = [out.clone(), Cached::Absent, two.clone(), three.clone()];
        assert_eq!(cached(&path, "a"), all);
        let start = std::fs::read(&path).unwrap();
        for torn in (whole - 40)..whole {
            std::fs::write(&path, &start[..usize::try_from(torn).unwrap()]).unwrap();
            let found = cached(&path, "a");
            assert_eq!(
                found,
                [out.clone(), Cached::Absent, two.clone(), Cached::Absent]
            );
        }
        let cache = TokenCache::open(&path, "a", 4).unwrap();
        cache.put(3, Some(&row(3))).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), start);
        assert_eq!(cache.get(3).unwrap(), three);
    }

    #[test]
    fn a_pipe_in_the_place_of_a_cache_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.cache");
        if idiolect_testkit::pipe(&path) {
            let error = TokenCache::open(&path, "a", 4).err().unwrap().to_string();
            assert!(error.contains("tokens.cache"), "{error}");
            assert!(
                error.ends_with("expected a regular file, found a pipe"),
                "{error}"
            );
        }
    }

    #[test]
    fn another_key_begins_anew_and_a_flipped_bit_is_no_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.cache");
        filled(&path);
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let found = cached(&path, "a");
        assert_eq!(
            (&found[2], &found[3]),
            (&Cached::Row(row(2)), &Cached::Absent)
        );
        assert_eq!(cached(&path, "b"), [const { Cached::Absent }; 4]);
        assert_eq!(cached(&path, "a"), [const { Cached::Absent }; 4]);
    }
}
