//! Which rows of a file are used, and which are left out where that is asked.

use std::path::Path;

use idiolect_data::{BadRows, Id, SkippedRow};

use crate::LmError;

/// Rows of a file that can be used, and those that were left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptRows<T> {
    /// The rows, in the file's order.
    pub(crate) rows: Vec<T>,
    /// The line on which each of them begins, from 1.
    lines: Vec<usize>,
    /// Those that cannot be used.
    pub(crate) skipped: Vec<SkippedRow>,
}

impl<T> KeptRows<T> {
    /// What is made of each row; rows of which nothing can be made are left out too, where that is asked.
    ///
    /// # Errors
    ///
    /// The first row's, unless it is left out or where none is left.
    pub(crate) fn map<U>(
        self,
        path: &Path,
        bad_rows: BadRows,
        id: impl Fn(&T) -> Id,
        mut one: impl FnMut(T) -> Result<U, LmError>,
    ) -> Result<KeptRows<U>, LmError> {
        let mut keeping = Keeping::new(path, bad_rows, self.skipped);
        for (row, line) in self.rows.into_iter().zip(self.lines) {
            let id = id(&row);
            match one(row) {
                Err(error) if !error.is_of_row() => return Err(error),
                made => keeping.take(line, id, made)?,
            }
        }
        keeping.done()
    }
}

/// Rows as they are read, with those that are left out.
pub(super) struct Keeping<'a, T> {
    path: &'a Path,
    bad_rows: BadRows,
    kept: KeptRows<T>,
    /// What is wrong with the first row that is left out.
    first: Option<LmError>,
}

impl<'a, T> Keeping<'a, T> {
    /// No row of a file yet.
    pub(super) fn new(path: &'a Path, bad_rows: BadRows, skipped: Vec<SkippedRow>) -> Self {
        Self {
            path,
            bad_rows,
            kept: KeptRows {
                rows: Vec::new(),
                lines: Vec::new(),
                skipped,
            },
            first: None,
        }
    }

    /// Keeps a row, or leaves it out where that is asked.
    pub(super) fn take(
        &mut self,
        line: usize,
        id: Id,
        row: Result<T, LmError>,
    ) -> Result<(), LmError> {
        match row {
            Ok(row) => {
                self.kept.rows.push(row);
                self.kept.lines.push(line);
            }
            Err(error) if self.bad_rows == BadRows::Skip => {
                self.kept.skipped.push(SkippedRow {
                    file: Some(self.path.to_owned()),
                    line: Some(line),
                    ..SkippedRow::new(id, error.of_row())
                });
                self.first.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// All rows; where none can be used, the first one's fault is the error.
    pub(super) fn done(self) -> Result<KeptRows<T>, LmError> {
        match self.first {
            Some(error) if self.kept.rows.is_empty() => Err(error),
            _ => Ok(self.kept),
        }
    }
}
