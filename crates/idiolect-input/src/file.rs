//! Opening and reading files that somebody names.
//!
//! A pipe or a device under a file's name would be waited for without end, so regular files alone are opened.
//! What is read whole has a limit, which is checked before memory is taken.

use std::fs::{File, FileType, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::Limit;

/// Opens a regular file to read; a link to one is one.
///
/// # Errors
///
/// The system's own; [`ErrorKind::InvalidInput`] with what is there instead of a file, and
/// [`ErrorKind::IsADirectory`] for a folder.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Opening a pipe already waits, so its kind is looked up first.
    require_regular(&std::fs::metadata(path)?)?;
    File::open(path)
}

/// Opens a regular file to read and write it as it is, and makes it where there is none.
///
/// # Errors
///
/// As [`open_regular`], but that there is no file is none.
pub fn open_growing(path: &Path) -> io::Result<File> {
    match std::fs::metadata(path) {
        Ok(metadata) => require_regular(&metadata)?,
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path)
}

/// Reads a regular file whole.
///
/// # Errors
///
/// As [`open_regular`]; [`ErrorKind::InvalidInput`] with a [`LimitError`](crate::LimitError) for a longer file.
pub fn read_bytes(path: &Path, limit: &Limit) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let most = limit.value()?;
    let length = file.metadata()?.len();
    if length > most {
        return Err(limit.exceeded(most, &length.to_string()).into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    // A file may grow while it is read, and some of the system's say that they have no bytes.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(limit.exceeded(most, "more").into());
    }
    Ok(bytes)
}

/// Reads a regular file whole as text.
///
/// # Errors
///
/// As [`read_bytes`]; [`ErrorKind::InvalidData`] for bytes that are no UTF-8.
pub fn read_text(path: &Path, limit: &Limit) -> io::Result<String> {
    String::from_utf8(read_bytes(path, limit)?).map_err(|error| {
        let problem = format!(
            "invalid UTF-8 after byte {}",
            error.utf8_error().valid_up_to()
        );
        io::Error::new(ErrorKind::InvalidData, problem)
    })
}

fn require_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    let found = format!(
        "expected a regular file, found {}",
        kind(metadata.file_type())
    );
    Err(io::Error::new(ErrorKind::InvalidInput, found))
}

#[cfg(unix)]
fn kind(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "a device"
    } else {
        "something else"
    }
}

#[cfg(not(unix))]
fn kind(_: FileType) -> &'static str {
    "something else"
}
