//! One reading of a damaged file: in a folder of its own, with a limit of time, and its memory looked at.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use idiolect::BoxError;
use peak_alloc::PeakAlloc;
use tempfile::TempDir;

use crate::good::Good;
use crate::reader::Reader;

/// Counts what the whole process holds.
#[global_allocator]
static HELD: PeakAlloc = PeakAlloc;

/// The longest that a reading may take.
const LONGEST: Duration = Duration::from_secs(10);
/// What a reading may hold beside ten times its file, in bytes.
const MOST: usize = 200 << 20;

/// How a reading ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With a value.
    Taken(String),
    /// With an error.
    Refused(String),
}

/// Reads `bytes` in the place of the good file.
///
/// # Panics
///
/// Where the reader panics, takes too long or too much memory, or its error has no or several lines.
pub(crate) fn read(
    good: &Good,
    reader: &Reader,
    bytes: &[u8],
    what: &dyn std::fmt::Debug,
) -> Ended {
    let place = place(good, reader, bytes);
    let root = place.path().to_owned();
    let (Reader { file, read }, before) = (*reader, HELD.current_usage());
    let (sender, receiver) = channel();
    HELD.reset_peak_usage();
    let worker = std::thread::spawn(move || drop(sender.send(ended(read(&root, file)))));
    let ended = match receiver.recv_timeout(LONGEST) {
        Ok(ended) => ended,
        Err(RecvTimeoutError::Disconnected) => panic!("{file}: panic; {what:?}"),
        Err(RecvTimeoutError::Timeout) => panic!("{file}: no end in {LONGEST:?}; {what:?}"),
    };
    drop(worker.join());
    let held = HELD.peak_usage().saturating_sub(before);
    assert!(
        held < 10 * bytes.len() + MOST,
        "{file}: {held} bytes held; {what:?}"
    );
    ended
}

fn ended(read: Result<String, BoxError>) -> Ended {
    match read {
        Ok(value) => Ended::Taken(value),
        Err(error) => {
            let text = error.to_string();
            assert!(
                !text.trim().is_empty() && !text.contains(['\n', '\u{1b}', '\0']),
                "{text:?}"
            );
            Ended::Refused(text)
        }
    }
}

/// A copy of the good files, with the damaged one.
fn place(good: &Good, reader: &Reader, bytes: &[u8]) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    copy(good.root(), place.path());
    std::fs::write(place.path().join(reader.file), bytes).unwrap();
    place
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
