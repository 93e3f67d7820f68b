//! What can go wrong in reading a task or running it.

use std::path::PathBuf;

use idiolect_data::{DataError, Id};
use idiolect_metrics::MetricsError;

/// An error of the caller's model.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a task could not be read, run or scored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A file of JSON rows, or the journal, could not be read or written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file of another form could not be read.
    #[error("cannot read {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A row of a task's file lacks a field, or it has another form.
    #[error("{}: row {row}: field {field:?}: expected {expected}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The row, counted from 1.
        row: usize,
        /// The field.
        field: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// No task has this name.
    #[error("no task {name:?}: expected one of {}", crate::Task::names().join(", "))]
    Task {
        /// The name as given.
        name: String,
    },
    /// A task's file has fewer worked examples than the prompt is to show.
    #[error("{}: {found} worked examples, expected {expected}", path.display())]
    Shots {
        /// The file of the examples.
        path: PathBuf,
        /// How many the prompt shows.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The journal holds a row of another task, other prompts or another order.
    #[error("{}: row {id} is not of this run: expected a request with the hash {expected}, found {found}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// The row's id.
        id: Id,
        /// Hash of the request that stands at this place now.
        expected: String,
        /// Hash of the request that was answered.
        found: String,
    },
    /// The model failed, or did not answer every request in its own form.
    #[error("the model failed")]
    Model {
        /// Its own error.
        #[source]
        source: BoxError,
    },
    /// The judge failed, or left a request without an answer.
    #[error("the judge failed")]
    Judge {
        /// Its own error.
        #[source]
        source: BoxError,
    },
    /// There is no answer of the baseline to a question.
    #[error("{}: no answer to {id}, which the model answered", path.display())]
    Baseline {
        /// The file of the baseline's answers.
        path: PathBuf,
        /// The question.
        id: Id,
    },
    /// Programs cannot be run apart on this system.
    #[error("the sandbox cannot be used: {reason}")]
    Sandbox {
        /// What is missing.
        reason: String,
    },
    /// An item could not be scored.
    #[error("item {id} cannot be scored")]
    Score {
        /// The item.
        id: Id,
        /// What is wrong with its right answer.
        #[source]
        source: MetricsError,
    },
}
