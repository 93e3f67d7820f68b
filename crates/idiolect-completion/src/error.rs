//! Why completions could not be had.

use std::path::{Path, PathBuf};

use idiolect_data::{DataError, Id};
use idiolect_input::counted;

use crate::provenance::Difference;
use crate::writer::BoxError;

/// Why completions could not be had; what was written before stands in the journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompletionError {
    /// The journal cannot be read or written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A setting that cannot be used.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Its key.
        name: &'static str,
        /// What would do.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The journal is another run's.
    #[error(
        "{}: id {id}: {difference}; what it was begun with resumes it, or another run directory (the option out) \
         begins a new run",
        path.display()
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
        "{origin}: {} missing, {} that nobody asked for, {} repeated (ids {})",
        counted(missing.len(), "text", "texts"), extra.len(), repeated.len(), first([missing, extra, repeated])
    )]
    Unpaired {
        /// Where the texts came from: the journal's path, the writer or the requests.
        origin: String,
        /// Requests without a text.
        missing: Vec<Id>,
        /// Texts without a request.
        extra: Vec<Id>,
        /// Ids with more than one text.
        repeated: Vec<Id>,
    },
    /// Distributions beside a journal that are damaged, or not those that were expected.
    #[error("{}: {what}: expected {expected}, found {found}", path.display())]
    Stored {
        /// Their file.
        path: PathBuf,
        /// What differs, with the id of the text where it is one text's.
        what: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The writer gave up.
    #[error("{stage}: stopped after {done} of {}: {source}", counted(*asked, "text", "texts"))]
    Writer {
        /// What was being written.
        stage: String,
        /// Texts in the journal, of those asked for so far.
        done: usize,
        /// Texts that were asked for so far.
        asked: usize,
        /// The writer's own reason.
        source: BoxError,
    },
}

impl CompletionError {
    /// A [`CompletionError::Stored`].
    pub(crate) fn stored(
        path: &Path,
        what: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Stored {
            path: path.to_owned(),
            what: what.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}

/// Ids that stand in the way of pairing texts with requests.
#[derive(Debug, Default)]
pub(crate) struct Unpaired {
    pub(crate) missing: Vec<Id>,
    pub(crate) extra: Vec<Id>,
    pub(crate) repeated: Vec<Id>,
}

impl Unpaired {
    /// An error where there is any such id.
    pub(crate) fn check(self, origin: impl ToString) -> Result<(), CompletionError> {
        let Self {
            missing,
            extra,
            repeated,
        } = self;
        if missing.is_empty() && extra.is_empty() && repeated.is_empty() {
            return Ok(());
        }
        Err(CompletionError::Unpaired {
            origin: origin.to_string(),
            missing,
            extra,
            repeated,
        })
    }
}

/// The first few of several lists of ids.
fn first(lists: [&Vec<Id>; 3]) -> String {
    let mut ids = lists.into_iter().flatten();
    let few: Vec<_> = ids.by_ref().take(3).map(ToString::to_string).collect();
    let more = if ids.next().is_some() { ", ..." } else { "" };
    few.join(", ") + more
}
