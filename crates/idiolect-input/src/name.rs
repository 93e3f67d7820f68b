//! Names of files that come from outside: from an index, or from a server's list.

use crate::shown;

/// Most bytes of a file's name on the file systems in use.
const MOST_BYTES: usize = 255;

/// A name that is none of a file in its folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("file name {found:?}: expected {expected}")]
pub struct NameError {
    /// The name, with what a terminal would act on escaped.
    pub found: String,
    /// What a name has to be.
    pub expected: &'static str,
}

/// The name, where it is one of a file of the same folder: not empty, no part of a path in it, nothing that a
/// terminal acts on, at most 255 bytes.
///
/// # Errors
///
/// [`NameError`].
pub fn file_name(name: &str) -> Result<&str, NameError> {
    let expected = if name.is_empty() || name == "." || name == ".." {
        "the name of a file of the same folder"
    } else if name.contains(['/', '\\', ':']) {
        "a file name of the same folder"
    } else if name.chars().any(shown::is_unsafe) {
        "no control characters"
    } else if name.len() > MOST_BYTES {
        "at most 255 bytes"
    } else {
        return Ok(name);
    };
    let found = shown::shown(name, 80).into_owned();
    Err(NameError { found, expected })
}

/// The path, where each part of it between slashes is a [`file_name`]: it leads to a file below a folder, and
/// nowhere else.
///
/// # Errors
///
/// [`NameError`] of the first part that is none.
pub fn relative_path(path: &str) -> Result<&str, NameError> {
    path.split('/')
        .try_for_each(|part| file_name(part).map(drop))?;
    Ok(path)
}
