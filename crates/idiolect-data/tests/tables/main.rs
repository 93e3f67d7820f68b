//! CSV and Parquet say the same as the JSON formats, and what is wrong with them is named.
#![allow(
    clippy::unwrap_used,
    clippy::needless_raw_string_hashes,
    reason = "a test's own files; the snapshots are written by a tool"
)]

mod csv;
mod limits;
mod parquet;
mod written;

use std::path::{Path, PathBuf};

use idiolect_data::{Columns, Dataset, Format};
use tempfile::TempDir;

/// A file of this name and contents, and the folder that it lives in.
fn file(name: &str, contents: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, contents).unwrap();
    (folder, path)
}

/// What is said about a file, its path left out.
fn said(path: &Path, format: Format) -> String {
    let error = Dataset::read(path, format, &Columns::default()).map(drop);
    let text = error.map_or_else(|error| error.to_string(), |()| "no error".to_owned());
    text.replace(&path.display().to_string(), "F") + "\n"
}
