//! What the program reads from files, each with a good one, and what comes of it as a text that can be compared.

mod evaluations;
mod hub;
mod models;
mod rows;
mod runs;
mod settings;
mod teachers;
mod tokenizers;

use std::collections::BTreeSet;
use std::path::Path;

use idiolect::BoxError;

/// A file of the good folder and the reader of it. The folder that holds the damaged file is `root`.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) kind: &'static str,
    pub(crate) file: &'static str,
    pub(crate) read: Read,
    /// What is read from a damaged file must be what the good one gives.
    pub(crate) same: bool,
}

/// Reads the file of a folder.
pub(crate) type Read = fn(root: &Path, file: &str) -> Result<String, BoxError>;

/// A reader that may take what a damaged file says.
const fn any(kind: &'static str, file: &'static str, read: Read) -> Reader {
    Reader {
        kind,
        file,
        read,
        same: false,
    }
}

/// A reader of files that nobody but the program writes, and of downloads.
const fn same(kind: &'static str, file: &'static str, read: Read) -> Reader {
    Reader {
        kind,
        file,
        read,
        same: true,
    }
}

/// All of them, or those whose file contains the text of `IDIOLECT_HOSTILE_FILES`.
pub(crate) fn chosen() -> impl Iterator<Item = &'static Reader> {
    let part = std::env::var("IDIOLECT_HOSTILE_FILES").unwrap_or_default();
    let all: [&[Reader]; 8] = [
        &teachers::READERS,
        &hub::READERS,
        &models::READERS,
        &tokenizers::READERS,
        &rows::READERS,
        &settings::READERS,
        &evaluations::READERS,
        &runs::READERS,
    ];
    all.into_iter()
        .flatten()
        .filter(move |reader| reader.file.contains(&part))
}

/// The kinds of files.
pub(crate) fn kinds() -> BTreeSet<&'static str> {
    chosen().map(|reader| reader.kind).collect()
}
