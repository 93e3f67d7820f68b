//! A path where a file of rows should be and is none: what is there, and which file could be meant.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use idiolect_input::{entries, few};

use crate::DataError;
use crate::files::nothing_at;

/// What is expected at a path of rows.
const EXPECTED: &str = "a file of rows (JSON, JSON Lines, CSV or Parquet)";
/// Endings of files of rows.
const ENDINGS: [&str; 6] = ["json", "jsonl", "ndjson", "csv", "parquet", "zst"];

/// Refuses a path without anything, and a folder, with the files in it, and in the folders in it, that could have been
/// given.
///
/// # Errors
///
/// [`DataError::NoFile`].
pub(crate) fn require_rows(path: &Path) -> Result<(), DataError> {
    let found = if path.is_dir() {
        in_folder(path)
    } else if path.try_exists().is_ok_and(|is_there| !is_there) {
        format!("{}{}", nothing_at(path), of_hub(path))
    } else {
        return Ok(());
    };
    Err(DataError::NoFile {
        path: path.to_owned(),
        expected: EXPECTED,
        found,
    })
}

/// What is in a folder.
fn in_folder(path: &Path) -> String {
    let mut files = Vec::new();
    for entry in entries(path) {
        if entry.is_dir() {
            files.extend(entries(&entry).into_iter().filter(|file| has_rows(file)));
        } else if has_rows(&entry) {
            files.push(entry);
        }
    }
    if files.is_empty() {
        return "a folder without such a file".to_owned();
    }
    format!("a folder, with {}{}", few(&files), call(&files))
}

/// How the files of a data set are had whose name on the Hub, `owner/name`, stands in the place of a path.
fn of_hub(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |part: &str| !part.is_empty() && part.chars().all(is_of_name);
    let is_name = text
        .split_once('/')
        .is_some_and(|(owner, name)| is_plain(owner) && is_plain(name) && !owner.starts_with('.'));
    if !is_name || has_ending(path) {
        return String::new();
    }
    format!(
        " (the files of a data set on the Hub are downloaded first, with \
         hf download {text} --repo-type dataset --local-dir FOLDER)"
    )
}

fn is_of_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || "-_.".contains(char)
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

fn has_rows(file: &Path) -> bool {
    file.is_file() && has_ending(file)
}

fn has_ending(file: &Path) -> bool {
    let ending = file.extension().and_then(OsStr::to_str);
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}
