//! Files that are there whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use idiolect_input::open_regular;
use serde::Serialize;

use super::found::require_place;
use super::lock::{FileInUse, lock_file};
use crate::DataError;

/// How often a file that an earlier process left is taken away before giving up.
const TRIES: usize = 10;

/// Writes a file beside its place (`NAME.partial`), syncs it and renames it.
///
/// A reader never sees half a file, and a failure leaves an older file as it was.
///
/// # Errors
///
/// [`DataError::NoFile`] for a folder, and where the file's folder is not there; [`DataError::Io`], whether the system or
/// `contents` failed; [`DataError::InUse`] where another process writes
/// the same file.
pub fn write_atomically(
    path: &Path,
    contents: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), DataError> {
    require_place(path)?;
    let mut beside = OsString::from(path.as_os_str());
    beside.push(".partial");
    let beside = Path::new(&beside);
    let failed = |source| DataError::Io {
        path: path.to_owned(),
        action: "write",
        source,
    };
    let file = claimed(path, beside)?.map_err(failed)?;
    let result = fill(&file, contents).and_then(|()| fs::rename(beside, path));
    result.map_err(|source| {
        // The error that counts is the first one; what is left over may stay.
        let _ = fs::remove_file(beside);
        failed(source)
    })
}

/// The file beside, made and locked. One that is there is another process's, at work now or killed once.
fn claimed(path: &Path, beside: &Path) -> Result<io::Result<File>, FileInUse> {
    for _ in 0..TRIES {
        match File::create_new(beside) {
            Ok(file) => {
                lock_file(&file, path)?;
                // Before it was locked, another process may have taken it away.
                if is_at(&file, beside) {
                    return Ok(Ok(file));
                }
                continue;
            }
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Ok(Err(error)),
            Err(_) => {}
        }
        match open_regular(beside) {
            Ok(other) => {
                lock_file(&other, path)?;
                if is_at(&other, beside) {
                    // Where it cannot be taken away, the next try says so.
                    let _ = fs::remove_file(beside);
                }
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Ok(Err(error)),
            Err(_) => {}
        }
    }
    Ok(Err(io::ErrorKind::AlreadyExists.into()))
}

/// Writes a value as indented JSON with a line break at its end, whole or not at all.
///
/// # Errors
///
/// [`DataError::Io`], also for a value that is no JSON (a map whose keys are no text).
pub fn write_json<T: Serialize + ?Sized>(path: &Path, value: &T) -> Result<(), DataError> {
    write_atomically(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    })
}

/// Writes rows as JSON Lines, whole or not at all.
///
/// # Errors
///
/// [`DataError::Io`], also for a row that is no JSON.
pub fn write_lines<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), DataError> {
    write_atomically(path, |out| {
        rows.iter().try_for_each(|row| {
            serde_json::to_writer(&mut *out, row)?;
            out.write_all(b"\n")
        })
    })
}

/// Whether an open file is the one at a path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |file: io::Result<fs::Metadata>| file.ok().map(|file| (file.dev(), file.ino()));
    same(file.metadata()) == same(fs::symlink_metadata(path))
}

/// Whether an open file is the one at a path, which only systems with numbers of files tell.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.is_file()
}

fn fill(file: &File, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    contents(&mut writer)?;
    writer.into_inner()?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_ends_with_a_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        write_json(&path, &serde_json::json!({"rows": [1]})).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\n  \"rows\": [\n    1\n  ]\n}\n");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.json");
        write_atomically(&path, |out| out.write_all(b"old")).unwrap();
        let error = write_atomically(&path, |out| {
            out.write_all(b"ne")?;
            Err(io::Error::other("disk full"))
        });
        assert!(
            error
                .unwrap_err()
                .to_string()
                .ends_with("rows.json: cannot write: disk full")
        );
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_writers_of_a_file_are_told_apart_and_a_killed_one_leaves_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let (path, beside) = (
            folder.path().join("a.json"),
            folder.path().join("a.json.partial"),
        );
        fs::write(&beside, "left by a killed one").unwrap();
        write_atomically(&path, |out| {
            let second = write_atomically(&path, |out| out.write_all(b"second"));
            assert!(matches!(second, Err(DataError::InUse(_))), "{second:?}");
            out.write_all(b"first")
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert!(!beside.exists());
    }
}
