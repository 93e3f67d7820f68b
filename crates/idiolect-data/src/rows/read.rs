//! Files of rows with named fields: a JSON array, an object a line, or a table.
//!
//! It knows nothing of examples; prompts and ready token rows are read through it too.
//! Tables are known by the ending of the file's name, `.csv` or `.parquet`; JSON may be compressed (`.zst`).

use std::ffi::OsStr;
use std::path::Path;

use super::folder::require_rows;
use super::raw::{Layout, RawRows};
use super::{csv, json, parquet};
use crate::DataError;

/// Reads a file of rows, in any layout, text with or without a byte order mark.
///
/// # Errors
///
/// [`DataError::Io`], [`DataError::Utf8`], [`DataError::Json`] (also for a row that is no object,
/// and for a file cut off in the middle), [`DataError::Csv`], [`DataError::Parquet`],
/// [`DataError::Empty`], [`DataError::NoFile`].
pub fn read_rows(path: &Path) -> Result<RawRows, DataError> {
    first_rows(path, usize::MAX)
}

/// Reads the first rows of a file, at most `most` of them.
///
/// Of JSON Lines no more than these are read and checked.
///
/// # Errors
///
/// As [`read_rows`].
pub(crate) fn first_rows(path: &Path, most: usize) -> Result<RawRows, DataError> {
    require_rows(path)?;
    let ending = path.extension().map(OsStr::to_ascii_lowercase);
    let (layout, mut rows) = match ending.as_ref().and_then(|ending| ending.to_str()) {
        Some("csv") => (Layout::Table, csv::read(path)?),
        Some("parquet") => (Layout::Table, parquet::read(path)?),
        _ => json::read(path, most)?,
    };
    rows.truncate(most);
    let path = path.to_owned();
    if rows.is_empty() {
        return Err(DataError::Empty { path });
    }
    Ok(RawRows { path, layout, rows })
}
