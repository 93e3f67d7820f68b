//! The file of distributions as it grows: appended and synced before the journal's row.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use idiolect_data::{DataError, Id, id_text, lock_file, write_atomically};
use idiolect_input::open_growing;

use super::bytes::{ENTRY, checksum, entry, first_line, read_head};
use super::{LogprobHead, LogprobTail, Logprobs, StoredLogprobs};
use crate::error::CompletionError;

/// A file of distributions that is open for writing. It is locked until it is dropped.
#[derive(Debug)]
pub struct LogprobFile {
    path: PathBuf,
    file: File,
    head: LogprobHead,
    tokens: u64,
}

impl LogprobFile {
    /// Opens a file or begins one, and cuts off what is behind `tokens`, the last token that a row of the journal
    /// points to: it was written when the process was killed before its row was.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Stored`] for a file of another head, and for one that is too short;
    /// [`CompletionError::Data`] where it cannot be opened, read or cut.
    pub fn open(path: &Path, head: LogprobHead, tokens: u64) -> Result<Self, CompletionError> {
        let failed = |action| {
            let path = path.to_owned();
            move |source| DataError::Io {
                path,
                action,
                source,
            }
        };
        if !path.exists() {
            write_atomically(path, |out| out.write_all(first_line(&head)?.as_bytes()))?;
        }
        let mut file = open_growing(path).map_err(failed("open"))?;
        lock_file(&file, path).map_err(DataError::from)?;
        let start = checked_start(path, &mut file, &head)?;
        let length = file.metadata().map_err(failed("read"))?.len();
        let needed = tokens
            .checked_mul(size(head.count))
            .and_then(|bytes| bytes.checked_add(start))
            .filter(|needed| *needed <= length);
        let Some(needed) = needed else {
            let found = length.saturating_sub(start) / size(head.count);
            let (expected, found) = (format!("at least {tokens}"), found);
            return Err(CompletionError::stored(path, "tokens", expected, found));
        };
        let cut = |file: &mut File| -> io::Result<()> {
            if length > needed {
                file.set_len(needed)?;
                file.sync_all()?;
            }
            file.seek(SeekFrom::End(0)).map(drop)
        };
        cut(&mut file).map_err(failed("cut"))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            head,
            tokens,
        })
    }

    /// Appends the distributions of a text and waits until they are on the disk; what the journal's row is to say.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Stored`] for another tail than the file's, for a token with another number of entries, or the
    /// same id twice, or one of more than three bytes; [`CompletionError::Data`] where they cannot be written.
    pub fn append(&mut self, id: &Id, of: &Logprobs) -> Result<StoredLogprobs, CompletionError> {
        if of.tail != self.head.tail {
            let expected = tail_name(self.head.tail).to_owned();
            return Err(self.refused(id, expected, tail_name(of.tail)));
        }
        let mut bytes = Vec::with_capacity(of.entries.len() * self.head.count * ENTRY);
        for entries in &of.entries {
            let distinct = entries.iter().map(|own| own.token);
            let distinct = distinct.collect::<BTreeSet<u32>>().len();
            if entries.len() != self.head.count || distinct != entries.len() {
                let expected = format!("{} different tokens at each", self.head.count);
                return Err(self.refused(id, expected, distinct));
            }
            for own in entries {
                let Some(entry) = entry(*own) else {
                    let found = format!("{own:?}");
                    return Err(self.refused(id, "ids below 2^24 and numbers".into(), found));
                };
                bytes.extend(entry);
            }
        }
        self.write(&bytes, of.entries.len() as u64, of.end)
    }

    /// Appends the bytes of a text of another file with the same head.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        tokens: u64,
        end: Option<u32>,
    ) -> Result<StoredLogprobs, CompletionError> {
        let written = self.file.write_all(bytes);
        let synced = written.and_then(|()| self.file.sync_data());
        synced.map_err(|source| DataError::Io {
            path: self.path.clone(),
            action: "append to",
            source,
        })?;
        let offset = self.tokens;
        self.tokens += tokens;
        Ok(StoredLogprobs {
            offset,
            tokens,
            end,
            checksum: checksum(bytes),
        })
    }

    fn refused(&self, id: &Id, expected: String, found: impl ToString) -> CompletionError {
        let what = format!("id {}", id_text(id));
        CompletionError::stored(&self.path, what, expected, found)
    }

    /// What all texts of the file have in common.
    #[must_use]
    pub fn head(&self) -> &LogprobHead {
        &self.head
    }
}

/// Bytes of a token.
pub(super) fn size(count: usize) -> u64 {
    (count as u64).saturating_mul(ENTRY as u64)
}

/// A tail in words.
pub(super) fn tail_name(tail: LogprobTail) -> &'static str {
    match tail {
        LogprobTail::Lumped => "the likeliest tokens",
        LogprobTail::Drawn => "the likeliest tokens and one drawn from the others",
    }
}

/// Where the first token stands in a file of this head.
fn checked_start(path: &Path, file: &mut File, head: &LogprobHead) -> Result<u64, CompletionError> {
    let read = read_head(&mut BufReader::new(&mut *file));
    let read = read.map_err(|source| DataError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    })?;
    match read {
        None => Err(CompletionError::stored(
            path,
            "first line",
            "that of log-probabilities",
            "another one",
        )),
        Some((own, start)) if own == *head => Ok(start),
        Some((own, _)) if own.tail != head.tail => {
            let expected = tail_name(head.tail);
            let found = tail_name(own.tail);
            Err(CompletionError::stored(path, "entries", expected, found))
        }
        Some((own, _)) if own.count != head.count => Err(CompletionError::stored(
            path,
            "entries of a token",
            head.count.to_string(),
            own.count,
        )),
        Some((own, _)) => Err(CompletionError::stored(
            path,
            "vocabulary",
            head.vocabulary.clone(),
            own.vocabulary,
        )),
    }
}
