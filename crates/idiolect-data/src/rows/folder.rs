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
    let call = call(&files);
    let found = match files.len() {
        0 => "a folder without such a file".to_owned(),
        all if all > FEW => {
            format!(
                "a folder, with {} and {} more{call}",
                named.join(", "),
                all - FEW
            )
        }
        _ => format!("a folder, with {}{call}", named.join(", ")),
    };
    let path = path.to_owned();
    Err(DataError::Folder { path, found })
}

/// The options that take files of these names: one to train on, and one to evaluate where one is named so.
fn call(files: &[PathBuf]) -> String {
    let named = |names: &[&str]| {
        files.iter().find(|file| {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            names.iter().any(|name| stem.to_lowercase().contains(name))
        })
    };
    let (train, held_out) = (
        named(&["train"]),
        named(&["valid", "val", "dev", "eval", "test"]),
    );
    let Some(train) = train.or(files.first().filter(|_| files.len() == 1)) else {
        return String::new();
    };
    let held_out = held_out.filter(|file| *file != train);
    let held_out = held_out.map(|file| format!(" --eval-data {}", file.display()));
    format!(
        ": --data {}{}",
        train.display(),
        held_out.unwrap_or_default()
    )
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
