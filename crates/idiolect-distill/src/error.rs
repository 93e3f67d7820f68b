//! Why a distillation stops.

use std::path::PathBuf;

use idiolect_data::{DataError, Id};
use idiolect_metrics::MetricsError;
use idiolect_prompt::PromptError;

use crate::record::Difference;
use crate::writer::BoxError;

/// Why a distillation could not begin or go on; what was written before stands in the journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistillError {
    /// The data set or the journal cannot be read or written, or a row lacks a response or an id of
    /// its own.
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
    /// An example has no prompt.
    #[error("{}: id {id}: {source}", path.display())]
    Prompt {
        /// The data set.
        path: PathBuf,
        /// The example's id.
        id: Id,
        /// Why.
        source: Box<PromptError>,
    },
    /// A response that the check cannot compare with anything.
    #[error("{}: id {id}: response: {source}", path.display())]
    Label {
        /// The data set.
        path: PathBuf,
        /// The example's id.
        id: Id,
        /// Why.
        source: Box<MetricsError>,
    },
    /// The journal is another run's.
    #[error(
        "{}: id {id}: {} differs: journal {}, now {}; \
         use another journal or the settings of this one",
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
    /// Rewrites and rows do not belong together one to one.
    #[error(
        "{origin}: {} rewrites missing, {} for no row, {} repeated (ids {})",
        missing.len(), extra.len(), repeated.len(), first([missing, extra, repeated])
    )]
    Unpaired {
        /// Where the rewrites came from: the journal's path or the writer.
        origin: String,
        /// Rows without a rewrite.
        missing: Vec<Id>,
        /// Rewrites without a row.
        extra: Vec<Id>,
        /// Ids with more than one rewrite.
        repeated: Vec<Id>,
    },
    /// The writer gave up.
    #[error("generation failed after {done} of {asked} rewrites: {source}")]
    Writer {
        /// Rewrites in the journal.
        done: usize,
        /// Rewrites that the run needs.
        asked: usize,
        /// The writer's own reason.
        source: BoxError,
    },
}

/// The first few of several lists of ids.
fn first(lists: [&Vec<Id>; 3]) -> String {
    let mut ids = lists.into_iter().flatten();
    let few: Vec<_> = ids.by_ref().take(3).map(ToString::to_string).collect();
    let more = if ids.next().is_some() { ", ..." } else { "" };
    few.join(", ") + more
}
