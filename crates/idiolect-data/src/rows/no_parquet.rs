//! What a build without the feature `parquet` says of Parquet files.

use std::path::Path;

use super::raw::RawRow;
use crate::DataError;

/// The rows of a Parquet file, of which this build reads none.
#[derive(Debug)]
pub struct ParquetRows(());

impl ParquetRows {
    /// Refuses every file.
    ///
    /// # Errors
    ///
    /// [`DataError::Parquet`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        Err(DataError::Parquet {
            path: path.to_owned(),
            row: 0,
            column: "any".to_owned(),
            problem: "this program was built without the feature parquet".to_owned(),
        })
    }
}

impl Iterator for ParquetRows {
    type Item = Result<RawRow, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<RawRow>, DataError> {
    ParquetRows::open(path)?.collect()
}
