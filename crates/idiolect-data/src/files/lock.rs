//! One process at a time on a file: the system's own lock, which it releases however the process ends.

use std::fmt;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// A file that another process writes to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: expected a file that no other process writes, found it in use by {}", path.display(), Holder(*holder))]
#[non_exhaustive]
pub struct FileInUse {
    /// The file.
    pub path: PathBuf,
    /// Number of the process that holds it, where the system tells (Linux).
    pub holder: Option<u32>,
}

struct Holder(Option<u32>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => write!(f, "process {number}"),
            None => f.write_str("another process"),
        }
    }
}

/// How often a lock that this process holds itself is tried again, and how long it waits in between.
const TRIES: usize = 20;
const WAIT: Duration = Duration::from_millis(10);

/// Takes the lock of a file until its handle is dropped. A file system that has no locks is used without.
///
/// A process that another thread starts has this one's files open, and with them their locks, until its own program
/// begins: a lock that this process seems to hold is waited for, a fifth of a second at most.
///
/// # Errors
///
/// [`FileInUse`] where another handle holds it, of this process too.
pub fn lock_file(file: &File, path: &Path) -> Result<(), FileInUse> {
    let mut tries = 0;
    loop {
        match file.try_lock() {
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
        }
        let holder = holder(file);
        tries += 1;
        if tries == TRIES || holder.is_some_and(|holder| holder != std::process::id()) {
            let path = path.to_owned();
            return Err(FileInUse { path, holder });
        }
        sleep(WAIT);
    }
}

/// The process of the lock on a file, by Linux's list of them.
#[cfg(unix)]
fn holder(file: &File) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let inode = file.metadata().ok()?.ino().to_string();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let mut held = locks.lines().filter(|line| line.contains(" FLOCK "));
    held.find_map(|line| {
        // 1: FLOCK ADVISORY WRITE 4021 fe:00:1311 0 EOF
        let words: Vec<&str> = line.split_whitespace().collect();
        let place = words.iter().position(|word| *word == "WRITE")?;
        let is_it = words.get(place + 2)?.rsplit(':').next()? == inode;
        let number = words.get(place + 1)?.parse().ok()?;
        (is_it && number > 0).then_some(number)
    })
}

#[cfg(not(unix))]
fn holder(_: &File) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_handle_is_refused_until_the_first_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("journal.jsonl");
        let first = File::create(&path).unwrap();
        lock_file(&first, &path).unwrap();
        let second = File::open(&path).unwrap();
        let error = lock_file(&second, &path).unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains("found it in use by "), "{shown}");
        if let Some(number) = error.holder {
            assert_eq!(number, std::process::id());
        }
        drop(first);
        lock_file(&second, &path).unwrap();
    }
}
