//! The file of a journal: rows found by id, read when asked for, appended and synced.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use idiolect_data::{DataError, Id, Journal, journal_row};
use idiolect_input::open_regular;
use serde::de::IgnoredAny;

use crate::provenance::JournalRow;

/// The rows of a file by id.
#[derive(Debug)]
pub(crate) struct RowFile<R> {
    path: PathBuf,
    journal: Journal,
    reader: BufReader<File>,
    places: HashMap<String, Place>,
    end: Place,
    rows: PhantomData<fn() -> R>,
}

/// Where a row begins.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    byte: u64,
    /// Lines before it.
    line: usize,
}

impl<R: JournalRow> RowFile<R> {
    /// A file of which no row is known yet; a torn last row is cut off.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| io_error(folder, "create", source))?;
        }
        let (journal, _) = Journal::open::<IgnoredAny>(path)?;
        Ok(Self {
            path: path.to_owned(),
            journal,
            reader: reader(path)?,
            places: HashMap::new(),
            end: Place::default(),
            rows: PhantomData,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn has(&self, id: &Id) -> bool {
        self.places.contains_key(&id.to_string())
    }

    /// Reads all rows and notes where they stand; `on_row` is told whether the id is new.
    pub(crate) fn scan(&mut self, mut on_row: impl FnMut(R, bool)) -> Result<(), DataError> {
        self.places.clear();
        let mut at = Place::default();
        while let Some((row, next)) = self.next(at)? {
            let known = self.places.insert(row.id().to_string(), at);
            on_row(row, known.is_none());
            at = next;
        }
        self.end = at;
        Ok(())
    }

    pub(crate) fn get(&mut self, id: &Id) -> Result<Option<R>, DataError> {
        let Some(&at) = self.places.get(&id.to_string()) else {
            return Ok(None);
        };
        Ok(self.next(at)?.map(|(row, _)| row))
    }

    pub(crate) fn append(&mut self, row: &R) -> Result<(), DataError> {
        let byte = fs::metadata(&self.path).map_err(|source| self.io("read", source))?;
        self.journal.append(row)?;
        let (byte, line) = (byte.len(), self.end.line);
        self.places
            .insert(row.id().to_string(), Place { byte, line });
        self.end.line += 1;
        Ok(())
    }

    pub(crate) fn replace(&mut self, rows: &[R]) -> Result<(), DataError> {
        Journal::write(&self.path, rows)?;
        (self.journal, _) = Journal::open::<IgnoredAny>(&self.path)?;
        self.reader = reader(&self.path)?;
        self.scan(|_, _| {})
    }

    /// The row that begins at or after a place, and the place behind it.
    fn next(&mut self, mut at: Place) -> Result<Option<(R, Place)>, DataError> {
        let here = self.reader.stream_position();
        if here.map_err(|source| self.io("read", source))? != at.byte {
            let moved = self.reader.seek(SeekFrom::Start(at.byte));
            moved.map_err(|source| self.io("read", source))?;
        }
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = self.reader.read_until(b'\n', &mut line);
            let length = read.map_err(|source| self.io("read", source))?;
            if length == 0 {
                return Ok(None);
            }
            at.byte += length as u64;
            at.line += 1;
            if let Some(row) = journal_row(&self.path, &line, at.line)? {
                return Ok(Some((row, at)));
            }
        }
    }

    fn io(&self, action: &'static str, source: io::Error) -> DataError {
        io_error(&self.path, action, source)
    }
}

fn reader(path: &Path) -> Result<BufReader<File>, DataError> {
    let file = open_regular(path).map_err(|source| io_error(path, "read", source))?;
    Ok(BufReader::new(file))
}

fn io_error(path: &Path, action: &'static str, source: io::Error) -> DataError {
    DataError::Io {
        path: path.to_owned(),
        action,
        source,
    }
}
