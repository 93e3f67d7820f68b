//! Where readings find their files.

use tempfile::TempDir;

/// A new folder, in memory where the system has a place there: a search writes some hundred thousand small files, and
/// the disk took most of its time.
pub(crate) fn scratch() -> TempDir {
    let memory = tempfile::tempdir_in("/dev/shm");
    memory.or_else(|_| tempfile::tempdir()).unwrap()
}
