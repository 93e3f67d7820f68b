//! One reading of a damaged file: in a folder of its own, with a limit of time, and its memory looked at.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use idiolect::BoxError;
use peak_alloc::PeakAlloc;
use tempfile::TempDir;

use crate::good::Good;
use crate::reading::Reader;
use crate::scratch::scratch;

/// Counts what the whole process holds.
#[global_allocator]
static HELD: PeakAlloc = PeakAlloc;

/// The longest that a reading may take.
const LONGEST: Duration = Duration::from_secs(10);
/// What a reading may hold beside ten times its file, in bytes.
const MOST: usize = 200 << 20;

/// What a reading must not do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("panic")]
    Panic,
    #[error("no end within {LONGEST:?}")]
    NoEnd,
    #[error("{0} bytes held")]
    Memory(usize),
    #[error("a number that is none was taken: {0}")]
    NotFinite(String),
    #[error("an error that is no line of text: {0:?}")]
    Message(String),
    #[error("taken with another result: {found:.500} instead of {expected:.500}")]
    Other { expected: String, found: String },
}

/// How a reading ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With a value.
    Taken,
    /// With this error.
    Refused(String),
}

/// Reads `bytes` in the place of the good file; a fault of the reader is an error that says which.
pub(crate) fn read(good: &Good, reader: &Reader, bytes: &[u8]) -> Result<Ended, Fault> {
    let found = match value(good, reader, bytes)? {
        Ok(found) => found,
        Err(text) => return Ok(Ended::Refused(text)),
    };
    if !reader.same {
        return Ok(Ended::Taken);
    }
    let expected = good.expected(reader.file, || {
        let bytes = std::fs::read(good.root().join(reader.file)).unwrap();
        value(good, reader, &bytes).unwrap().unwrap()
    });
    if found == expected {
        return Ok(Ended::Taken);
    }
    Err(Fault::Other { expected, found })
}

/// What is read, the folder's own path left out, or why it is refused.
fn value(good: &Good, reader: &Reader, bytes: &[u8]) -> Result<Result<String, String>, Fault> {
    let place = place(good, reader, bytes);
    let root = place.path().to_owned();
    let Reader { file, read, .. } = *reader;
    let before = HELD.current_usage();
    let (sender, receiver) = channel();
    HELD.reset_peak_usage();
    let worker = std::thread::spawn(move || drop(sender.send(read(&root, file))));
    let ended = match receiver.recv_timeout(LONGEST) {
        Ok(ended) => ended,
        Err(RecvTimeoutError::Disconnected) => return Err(Fault::Panic),
        Err(RecvTimeoutError::Timeout) => return Err(Fault::NoEnd),
    };
    drop(worker.join());
    let held = HELD.peak_usage().saturating_sub(before);
    if held > 10 * bytes.len() + MOST {
        return Err(Fault::Memory(held));
    }
    let root = place.path().display().to_string();
    Ok(of(ended)?.map(|value| value.replace(&root, "ROOT")))
}

fn of(read: Result<String, BoxError>) -> Result<Result<String, String>, Fault> {
    match read {
        Ok(value) => {
            let mut words = value.split(|letter: char| !letter.is_alphanumeric());
            let none = words.any(|word| ["NaN", "inf"].contains(&word));
            if none {
                Err(Fault::NotFinite(value))
            } else {
                Ok(Ok(value))
            }
        }
        Err(error) => {
            let text = error.to_string();
            // The program escapes what a terminal would act on; the library's text may have what the file has.
            let line = idiolect::input::shown(&text, 2000);
            let bad = line.trim().is_empty() || line.contains(char::is_control);
            if bad {
                Err(Fault::Message(text))
            } else {
                Ok(Err(text))
            }
        }
    }
}

/// A copy of the good files, with the damaged one.
fn place(good: &Good, reader: &Reader, bytes: &[u8]) -> TempDir {
    let place = scratch();
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
