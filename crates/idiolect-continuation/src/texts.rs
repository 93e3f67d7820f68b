//! The texts of a run: those of a journal, found by id, or the documents' own second parts.
//!
//! Of the texts of a journal only their places are held.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use idiolect_data::{DataError, Id};
use serde::de::DeserializeOwned;

use crate::ContinuationError;
use crate::filter::Reason;
use crate::halve::Half;
use crate::reader::read_error;
use crate::record::Record;
use crate::settings::{Settings, Shown};

/// The texts of a journal by id, read when asked for.
pub(crate) struct Texts {
    path: PathBuf,
    reader: BufReader<File>,
    places: HashMap<String, Place>,
}

/// Where a record begins.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    byte: u64,
    /// Lines before it.
    line: usize,
}

impl Texts {
    /// A journal of which no place is known yet.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|source| read_error(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::new(file),
            places: HashMap::new(),
        })
    }

    /// Notes where the record of an id begins; whether there was one before.
    pub(crate) fn note(&mut self, id: &Id, at: Place) -> bool {
        self.places.insert(id.to_string(), at).is_some()
    }

    /// The record of an id, or a part of it.
    pub(crate) fn get<T: DeserializeOwned>(&mut self, id: &Id) -> Result<Option<T>, DataError> {
        let Some(&at) = self.places.get(&id.to_string()) else {
            return Ok(None);
        };
        Ok(self.next(at)?.map(|(record, _)| record))
    }

    /// The record that begins at or after a place, and the place behind it.
    pub(crate) fn next<T: DeserializeOwned>(
        &mut self,
        mut at: Place,
    ) -> Result<Option<(T, Place)>, DataError> {
        let Self { path, reader, .. } = self;
        let here = reader
            .stream_position()
            .map_err(|source| read_error(path, source))?;
        if here != at.byte {
            let moved = reader.seek(SeekFrom::Start(at.byte));
            moved.map_err(|source| read_error(path, source))?;
        }
        let mut line = String::new();
        while line.trim().is_empty() {
            line.clear();
            let read = reader.read_line(&mut line);
            let length = read.map_err(|source| read_error(path, source))?;
            if length == 0 {
                return Ok(None);
            }
            at.byte += length as u64;
            at.line += 1;
        }
        let record = serde_json::from_str(&line).map_err(|error| DataError::Json {
            path: path.clone(),
            line: at.line,
            column: error.column().max(1),
            problem: format!("not the row expected here: {error}"),
        })?;
        Ok(Some((record, at)))
    }

    /// The whole record of an id that must be there.
    pub(crate) fn record(&mut self, id: &Id) -> Result<Record, ContinuationError> {
        let record = self.get(id)?;
        let missing = || [vec![id.clone()], vec![], vec![]];
        record.ok_or_else(|| ContinuationError::unpaired(self.path.display(), missing()))
    }
}

/// A text for a first part, and how it came about.
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) finish_reason: Option<String>,
    pub(crate) tokens: usize,
    pub(crate) passes: Option<usize>,
    /// What the filters without a judge have against it.
    pub(crate) objection: Option<Reason>,
}

/// Where the texts come from.
pub(crate) enum Source {
    /// The documents themselves.
    Original,
    /// A journal.
    Teacher(Texts),
}

impl Source {
    /// The text of a half.
    pub(crate) fn text(
        &mut self,
        half: &Half,
        settings: &Settings,
    ) -> Result<Written, ContinuationError> {
        let (text, finish_reason, tokens, passes) = match self {
            Self::Original => (half.second.clone(), None, 0, None),
            Self::Teacher(texts) => {
                let record = texts.record(&half.id)?;
                let text = joined(&settings.shown, record.text);
                let (tokens, passes) = (record.token_count, record.passes);
                (text, Some(record.finish_reason), tokens, passes)
            }
        };
        let finish = finish_reason.as_deref().unwrap_or("stop");
        let objection = settings.filters.objection(&text, &half.second, finish);
        Ok(Written {
            text,
            finish_reason,
            tokens,
            passes,
            objection,
        })
    }
}

/// A text that is put behind a first part without anything between.
///
/// One that was written raw goes on from the letter and stays as it is.
/// An answer in a chat begins a word of its own and comes without the space before it: it gets one,
/// unless it has white space or begins with punctuation that stands at the end of a word.
fn joined(shown: &Shown, text: String) -> String {
    let glued = |c: char| c.is_whitespace() || ".,;:!?)]}'\u{2019}\u{201d}\u{2026}".contains(c);
    match shown {
        Shown::Chat { .. } if !text.is_empty() && !text.starts_with(glued) => format!(" {text}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_a_chat_is_put_behind_its_first_part_as_a_word() {
        let chat = |text: &str| joined(&Shown::default(), text.to_owned());
        assert_eq!(chat("and so on"), " and so on");
        for text in ["", ", and", "\n\nAnd", " and", "."] {
            assert_eq!(chat(text), text);
        }
        assert_eq!(joined(&Shown::Raw, "s and".into()), "s and");
    }
}
