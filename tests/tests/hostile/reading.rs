//! What reads a file, and whether a damaged file may say something else.

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
pub(crate) const fn any(kind: &'static str, file: &'static str, read: Read) -> Reader {
    Reader {
        kind,
        file,
        read,
        same: false,
    }
}

/// A reader of files that nobody but the program writes, and of downloads.
pub(crate) const fn same(kind: &'static str, file: &'static str, read: Read) -> Reader {
    Reader {
        kind,
        file,
        read,
        same: true,
    }
}
