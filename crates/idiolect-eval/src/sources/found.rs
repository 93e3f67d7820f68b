//! A task's file as it lies in the data folder: under its own name, compressed, or in the form that the Hub has.

use std::path::{Path, PathBuf};

use crate::error::EvalError;
use crate::sources::data_file::{DataFile, Source};
use crate::sources::table::DATA_FILES;

/// Where the file of a task lies; `part` (`dev`, `test`) tells apart what the Hub has in several files.
///
/// A file that the table does not know is a user's own, and reading it says what is wrong with it.
pub(crate) fn found(data: &Path, file: &Path, part: &str) -> Result<PathBuf, EvalError> {
    let path = data.join(file);
    let known = DATA_FILES
        .iter()
        .find(|known| Path::new(known.path) == file);
    let Some(known) = known.filter(|_| !path.exists()) else {
        return Ok(path);
    };
    let others = others(known, part).map(|other| data.join(other));
    let mut others = others.filter(|other| other.is_file());
    others.next().ok_or_else(|| EvalError::NoFile {
        path,
        how: known.how(),
    })
}

/// What may stand in a file's place.
fn others(known: &DataFile, part: &str) -> impl Iterator<Item = String> {
    let hub = match known.source {
        Source::Hub(hub) => hub.files,
        Source::Address { .. } => &[],
    };
    let is_of_part = move |to: &str| hub.len() == 1 || to.contains(part);
    let hub: Vec<String> = hub
        .iter()
        .filter(|file| is_of_part(file.to))
        .map(|file| file.to.to_owned())
        .collect();
    std::iter::once(format!("{}.zst", known.path)).chain(hub)
}
