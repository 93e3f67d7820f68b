//! Files of a run, any of which may be missing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use idiolect_input::{limits, read_text};
use serde_json::{Map, Value};

use crate::ReportError;

/// The text of a file, none where there is no such file.
pub(crate) fn text(path: &Path) -> Result<Option<String>, ReportError> {
    present(path, read_text(path, &limits::RUN_FILE_BYTES))
}

/// What a folder holds, in no order; nothing where there is no such folder.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let Some(entries) = present(folder, std::fs::read_dir(folder))? else {
        return Ok(Vec::new());
    };
    let entry = |entry: std::io::Result<std::fs::DirEntry>| match entry {
        Ok(entry) => Ok(entry.path()),
        Err(source) => Err(unreadable(folder, source)),
    };
    entries.map(entry).collect()
}

fn present<T>(path: &Path, result: std::io::Result<T>) -> Result<Option<T>, ReportError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(source) => Err(unreadable(path, source)),
    }
}

/// No such file, also where a folder of its path is a file.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unreadable(path: &Path, source: std::io::Error) -> ReportError {
    ReportError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    }
}

/// The object that a file is.
pub(crate) fn object(path: &Path, text: &str) -> Result<Map<String, Value>, ReportError> {
    parse(path, 1, text)
}

/// The objects of a file of JSON Lines.
pub(crate) fn lines(path: &Path, text: &str) -> Result<Vec<Map<String, Value>>, ReportError> {
    let numbered = text.lines().enumerate();
    numbered
        .map(|(at, line)| parse(path, at + 1, line))
        .collect()
}

/// The object of the first line, none in an empty file.
pub(crate) fn first_line(
    path: &Path,
    text: &str,
) -> Result<Option<Map<String, Value>>, ReportError> {
    text.lines()
        .next()
        .map(|line| parse(path, 1, line))
        .transpose()
}

fn parse(path: &Path, begins: usize, text: &str) -> Result<Map<String, Value>, ReportError> {
    serde_json::from_str(text).map_err(|error| ReportError::Json {
        path: path.to_owned(),
        line: begins + error.line().saturating_sub(1),
        problem: error.to_string(),
    })
}
