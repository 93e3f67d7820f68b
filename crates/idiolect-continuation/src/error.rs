//! Why a corpus is not continued.

use std::path::PathBuf;

use idiolect_data::{DataError, Id};

use crate::record::Difference;
use crate::writer::BoxError;

/// Why halving and continuing could not begin or go on; what was written before stands in the
/// journals.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContinuationError {
    /// The corpus or a journal cannot be read or written, or a row of the corpus is not as expected.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A setting outside its range.
    #[error("{setting}: expected {expected}, found {found}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What would do.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A corpus without a single document that can be halved.
    #[error("{}: expected {expected}, found {found}", path.display())]
    NoDocuments {
        /// The corpus.
        path: PathBuf,
        /// What would do.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The corpus was another one at the second reading.
    #[error("{}: expected {expected} sampled documents, found {found} (did the corpus change?)", path.display())]
    Changed {
        /// The corpus.
        path: PathBuf,
        /// Documents chosen at the first reading.
        expected: usize,
        /// Those of them that were there at the second.
        found: usize,
    },
    /// The journal is another run's.
    #[error(
        "{}: id {id}: {} differs: journal {}, now {}; \
         use another folder or the settings of this one",
        path.display(), difference.field, difference.journal, difference.now
    )]
    Differs {
        /// The journal.
        path: PathBuf,
        /// The first row that differs.
        id: Id,
        /// What differs.
        difference: Box<Difference>,
    },
    /// Texts and requests do not belong together one to one.
    #[error(
        "{origin}: {} texts missing, {} that nobody asked for, {} repeated (ids {})",
        missing.len(), extra.len(), repeated.len(), first([missing, extra, repeated])
    )]
    Unpaired {
        /// Where the texts came from: the journal's path or the writer.
        origin: String,
        /// Requests without a text.
        missing: Vec<Id>,
        /// Texts without a request.
        extra: Vec<Id>,
        /// Ids with more than one text.
        repeated: Vec<Id>,
    },
    /// The writer gave up.
    #[error("{stage}: stopped after {done} of {asked} texts: {source}")]
    Writer {
        /// What was being written: `continuations`, or the name of a judge's question.
        stage: &'static str,
        /// Texts in the journal.
        done: usize,
        /// Texts that were asked for so far.
        asked: usize,
        /// The writer's own reason.
        source: BoxError,
    },
}

impl ContinuationError {
    /// Texts of `origin` that are missing, that nobody asked for, and that are there more than once.
    pub(crate) fn unpaired(
        origin: impl std::fmt::Display,
        [missing, extra, repeated]: [Vec<Id>; 3],
    ) -> Self {
        Self::Unpaired {
            origin: origin.to_string(),
            missing,
            extra,
            repeated,
        }
    }
}

/// The first few of several lists of ids.
fn first(lists: [&Vec<Id>; 3]) -> String {
    let mut ids = lists.into_iter().flatten();
    let few: Vec<_> = ids.by_ref().take(3).map(ToString::to_string).collect();
    let more = if ids.next().is_some() { ", ..." } else { "" };
    few.join(", ") + more
}
