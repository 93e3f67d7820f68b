//! Why a distillation stops.

use std::path::PathBuf;

use idiolect_completion::{BoxError, CompletionError};
use idiolect_data::{DataError, Id, counted};

/// Why a distillation could not begin or resume; what was written before stands in the journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistillError {
    /// The data set cannot be read or written, or a row lacks a response or an id of its own.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The journal cannot be read or written or is another run's, or the writer gave up or left out a row.
    #[error(transparent)]
    Completion(#[from] CompletionError),
    /// A setting outside its range.
    #[error("{setting}: expected {expected}, found {found}")]
    Setting {
        /// Its key.
        setting: &'static str,
        /// What would do.
        expected: String,
        /// What it is.
        found: String,
    },
    /// An example has no prompt.
    #[error("{}: id {id}: {source}", path.display())]
    Prompt {
        /// The data set.
        path: PathBuf,
        /// The example's id.
        id: Id,
        /// Why.
        source: BoxError,
    },
    /// A response that the check cannot compare with anything.
    #[error("{}: id {id}: response: {source}", path.display())]
    Label {
        /// The data set.
        path: PathBuf,
        /// The example's id.
        id: Id,
        /// Why.
        source: BoxError,
    },
    /// A joined journal that lacks rows; it is written, and a distillation with it asks for them.
    #[error(
        "{}: expected rewrites for {}, found none for {} of them (ids {})",
        path.display(), counted(*asked, "row", "rows"), missing.len(), few(missing)
    )]
    Incomplete {
        /// The joined journal.
        path: PathBuf,
        /// Rows that are to be rewritten.
        asked: usize,
        /// Rows without a rewrite.
        missing: Vec<Id>,
    },
}

/// The first few ids.
fn few(ids: &[Id]) -> String {
    let first: Vec<_> = ids.iter().take(3).map(ToString::to_string).collect();
    let more = if ids.len() > first.len() { ", ..." } else { "" };
    first.join(", ") + more
}
