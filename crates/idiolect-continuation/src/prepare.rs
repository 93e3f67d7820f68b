//! From a corpus to halves on disk: two readings, and never more than one document in memory.
//!
//! The first reading chooses documents by their number, the second cuts the chosen ones and writes
//! them down; what is held between is a number for each chosen document.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use idiolect_data::{DataError, Id, write_atomically};
use serde::{Deserialize, Serialize};

use crate::ContinuationError;
use crate::corpus::{Corpus, Document, Raw};
use crate::halve::{count_words, document_seed, halve};
use crate::reservoir::Reservoir;
use crate::settings::Settings;
use crate::summary::Found;

/// A document of the sample, cut: a line of `halves.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Half {
    pub(crate) id: Id,
    pub(crate) first: String,
    /// With the white space before it.
    pub(crate) second: String,
    pub(crate) words: usize,
    pub(crate) first_words: usize,
}

/// Samples and cuts; returns what the corpus has.
pub(crate) fn prepare(
    corpus: &Corpus,
    settings: &Settings,
    path: &Path,
) -> Result<Found, ContinuationError> {
    let (found, numbers) = choose(corpus, settings)?;
    let mut own = None;
    let written = write_atomically(path, |out| {
        let wrote = chosen(corpus, &numbers, settings, &mut |half| {
            serde_json::to_writer(&mut *out, half).map_err(io_error(path))?;
            out.write_all(b"\n").map_err(io_error(path))
        });
        wrote.map_err(|error| {
            own = Some(error);
            std::io::Error::other("the corpus was not read")
        })
    });
    match own {
        Some(error) => Err(error),
        None => Ok(written.map(|()| found)?),
    }
}

/// Converts what the system or the serialiser says.
fn io_error<E: Into<std::io::Error>>(path: &Path) -> impl Fn(E) -> ContinuationError + '_ {
    |source| {
        ContinuationError::Data(DataError::Io {
            path: path.to_owned(),
            action: "write",
            source: source.into(),
        })
    }
}

/// The first reading.
fn choose(corpus: &Corpus, settings: &Settings) -> Result<(Found, Vec<u64>), ContinuationError> {
    let mut found = Found::default();
    let mut reservoir = Reservoir::new(settings.documents, settings.seed);
    for (number, document) in (0_u64..).zip(corpus.documents()) {
        let words = count_words(&document?.text);
        found.documents += 1;
        if words < settings.min_words {
            found.too_short += 1;
        } else if words > settings.max_words {
            found.too_long += 1;
        } else {
            reservoir.offer(number);
        }
    }
    found.sampled = reservoir.len();
    if found.sampled == 0 {
        return Err(ContinuationError::NoDocuments {
            path: corpus.root.clone(),
            expected: match settings.max_words {
                usize::MAX => format!("a document of at least {} words", settings.min_words),
                most => format!("a document of {} to {most} words", settings.min_words),
            },
            found: format!("{} documents, none of them such", found.documents),
        });
    }
    Ok((found, reservoir.into_numbers()))
}

/// The second reading.
///
/// A document whose id an earlier one of the sample has gets its place behind it.
fn chosen(
    corpus: &Corpus,
    numbers: &[u64],
    settings: &Settings,
    on_half: &mut dyn FnMut(&Half) -> Result<(), ContinuationError>,
) -> Result<(), ContinuationError> {
    let mut seen = HashSet::new();
    let mut wanted = numbers.iter().copied().peekable();
    for (number, raw) in (0..).zip(corpus.raw()) {
        let raw: Raw<'_> = raw?;
        if wanted.next_if_eq(&number).is_none() {
            continue;
        }
        let place = raw.place(corpus);
        let Document { mut id, text } = corpus.document(raw)?;
        if seen.contains(&id.to_string()) {
            let own = id.as_str().map_or(id.to_string(), str::to_owned);
            id = format!("{own} ({place})").into();
        }
        seen.insert(id.to_string());
        let Some(halves) = halve(&text, document_seed(settings.seed, &id)) else {
            break;
        };
        on_half(&Half {
            id,
            first: halves.first.to_owned(),
            second: halves.second.to_owned(),
            words: halves.words,
            first_words: halves.first_words,
        })?;
        if wanted.peek().is_none() {
            break;
        }
    }
    if seen.len() < numbers.len() {
        return Err(ContinuationError::Changed {
            path: corpus.root.clone(),
            expected: numbers.len(),
            found: seen.len(),
        });
    }
    Ok(())
}

/// The halves of a run, read one by one as often as they are needed.
pub(crate) struct HalvesFile(pub(crate) PathBuf);

impl HalvesFile {
    pub(crate) fn read(
        &self,
    ) -> Result<impl Iterator<Item = Result<Half, DataError>> + use<>, DataError> {
        let path = self.0.clone();
        let io = move |source| DataError::Io {
            path: path.clone(),
            action: "read",
            source,
        };
        let path = self.0.clone();
        let lines = BufReader::new(File::open(&self.0).map_err(&io)?).lines();
        let half = move |(at, line): (usize, std::io::Result<String>)| {
            serde_json::from_str(&line.map_err(&io)?).map_err(|error| DataError::Json {
                path: path.clone(),
                line: at + 1,
                column: error.column().max(1),
                problem: error.to_string(),
            })
        };
        Ok(lines.enumerate().map(half))
    }
}
