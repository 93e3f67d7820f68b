//! A file of distributions that is read, a text or a token at a time.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use idiolect_data::{DataError, Id, id_text};
use idiolect_input::open_regular;

use super::bytes::{ENTRY, checksum, parsed, read_head};
use super::file::{size, tail_name};
use super::{LogprobFile, LogprobHead, StoredLogprobs, TokenLogprob};
use crate::error::CompletionError;

/// A file of distributions; several threads may read it.
#[derive(Debug)]
pub struct LogprobReader {
    path: PathBuf,
    file: Mutex<File>,
    head: LogprobHead,
    start: u64,
}

impl LogprobReader {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Stored`] for a file that is none; [`CompletionError::Data`] where it cannot be read.
    pub fn open(path: &Path) -> Result<Self, CompletionError> {
        let failed = |source| DataError::Io {
            path: path.to_owned(),
            action: "read",
            source,
        };
        let mut file = open_regular(path).map_err(failed)?;
        let head = read_head(&mut BufReader::new(&mut file)).map_err(failed)?;
        let Some((head, start)) = head else {
            let (expected, found) = ("that of log-probabilities", "another one");
            return Err(CompletionError::stored(path, "first line", expected, found));
        };
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            head,
            start,
        })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What all its texts have in common.
    #[must_use]
    pub fn head(&self) -> &LogprobHead {
        &self.head
    }

    /// Refuses ids of another vocabulary than the one with this hash.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Stored`].
    pub fn require_vocabulary(&self, hash: &str) -> Result<(), CompletionError> {
        let found = &self.head.vocabulary;
        if found == hash {
            return Ok(());
        }
        let expected = format!("that of the model, {hash}");
        Err(CompletionError::stored(
            &self.path,
            "vocabulary",
            expected,
            found,
        ))
    }

    /// The entries of a text, whose bytes are compared with their checksum; `id` is for errors.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Stored`] for a wrong checksum, and for a text that is not there whole;
    /// [`CompletionError::Data`] where it cannot be read.
    pub fn read_text(
        &self,
        id: &Id,
        of: &StoredLogprobs,
    ) -> Result<Vec<TokenLogprob>, CompletionError> {
        Ok(entries(&self.text(id, of)?))
    }

    /// Copies a text to the end of another file of the same head.
    ///
    /// # Errors
    ///
    /// As [`Self::read_text`]; [`CompletionError::Stored`] for another head; [`CompletionError::Data`] where it cannot be
    /// written.
    pub fn copy(
        &self,
        id: &Id,
        of: &StoredLogprobs,
        to: &mut LogprobFile,
    ) -> Result<StoredLogprobs, CompletionError> {
        if self.head != *to.head() {
            let show = |head: &LogprobHead| {
                let LogprobHead {
                    count,
                    vocabulary,
                    tail,
                } = head;
                format!("{count} of {vocabulary}, {}", tail_name(*tail))
            };
            let (expected, found) = (show(to.head()), show(&self.head));
            return Err(CompletionError::stored(
                &self.path, "entries", expected, found,
            ));
        }
        to.write(&self.text(id, of)?, of.tokens, of.end)
    }

    /// The entries of `tokens` tokens from number `from` on, the file's number of them for each.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Stored`] where they are not there; [`CompletionError::Data`] where they cannot be read.
    pub fn read(&self, from: u64, tokens: u64) -> Result<Vec<TokenLogprob>, CompletionError> {
        Ok(entries(&self.bytes(from, tokens)?))
    }

    /// The bytes of a text, compared with its checksum.
    fn text(&self, id: &Id, of: &StoredLogprobs) -> Result<Vec<u8>, CompletionError> {
        let bytes = self.bytes(of.offset, of.tokens)?;
        let found = checksum(&bytes);
        if found == of.checksum {
            return Ok(bytes);
        }
        let what = format!("checksum of id {}", id_text(id));
        Err(CompletionError::stored(
            &self.path,
            what,
            of.checksum.clone(),
            found,
        ))
    }

    fn bytes(&self, from: u64, tokens: u64) -> Result<Vec<u8>, CompletionError> {
        let failed = |source| DataError::Io {
            path: self.path.clone(),
            action: "read",
            source,
        };
        // What a thread that panicked left behind is only a place in the file.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let length = file.metadata().map_err(failed)?.len();
        let size = size(self.head.count);
        let all = length.saturating_sub(self.start) / size;
        if from.checked_add(tokens).is_none_or(|behind| behind > all) {
            let expected = format!("{tokens} from number {from} on");
            return Err(CompletionError::stored(&self.path, "tokens", expected, all));
        }
        file.seek(SeekFrom::Start(self.start + from * size))
            .map_err(failed)?;
        let mut bytes = Vec::new();
        let mut part = file.by_ref().take(tokens * size);
        part.read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }
}

fn entries(bytes: &[u8]) -> Vec<TokenLogprob> {
    let entries = bytes.as_chunks::<ENTRY>().0.iter();
    entries.map(|entry| parsed(*entry)).collect()
}
