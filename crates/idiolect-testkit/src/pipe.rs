//! A pipe under a file's name, for which a reader that does not look first waits without end.

use std::path::Path;
use std::process::Command;

/// Puts a pipe in the place of a file, if there is one; says whether this system has such pipes.
///
/// # Panics
///
/// Where it cannot be made.
#[must_use]
pub fn pipe(path: &Path) -> bool {
    if cfg!(not(unix)) {
        crate::skipped("no pipes with names");
        return false;
    }
    let _ = std::fs::remove_file(path);
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.is_ok_and(|made| made.success()), "mkfifo");
    true
}
