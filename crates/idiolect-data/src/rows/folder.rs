//! A folder where a file of rows should be: which of its files could be meant.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::DataError;

/// Endings of files of rows.
const ENDINGS: [&str; 6] = ["json", "jsonl", "ndjson", "csv", "parquet", "zst"];
/// Files that are named, at most.
const FEW: usize = 5;
/// Entries of a folder that are looked at.
const MOST: usize = 1000;

/// Refuses a folder, with the files in it, and in the folders in it, that could have been given.
///
/// # Errors
///
/// [`DataError::Folder`].
pub(crate) fn refuse_folder(path: &Path) -> Result<(), DataError> {
    if !path.is_dir() {
        return Ok(());
    }
    let mut files = Vec::new();
    for entry in entries(path) {
        if entry.is_dir() {
            files.extend(entries(&entry).into_iter().filter(|file| has_rows(file)));
        } else if has_rows(&entry) {
            files.push(entry);
        }
    }
    let named = files
        .iter()
        .take(FEW)
        .map(|file| file.display().to_string());
    let named: Vec<String> = named.collect();
    let found = match files.len() {
        0 => "a folder without such a file".to_owned(),
        all if all > FEW => format!("a folder, with {} and {} more", named.join(", "), all - FEW),
        _ => format!("a folder, with {}", named.join(", ")),
    };
    let path = path.to_owned();
    Err(DataError::Folder { path, found })
}

/// What is in a folder, sorted; nothing of one that cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(MOST);
    let mut paths: Vec<PathBuf> = entries.filter_map(|one| Some(one.ok()?.path())).collect();
    paths.sort();
    paths
}

fn has_rows(file: &Path) -> bool {
    let ending = file.extension().and_then(OsStr::to_str);
    file.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending))
}
