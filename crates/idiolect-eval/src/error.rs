//! What can go wrong in reading a task, running it and scoring it.

use std::path::PathBuf;

use idiolect_completion::{BoxError, CompletionError, GenerateError};
use idiolect_data::settings::nearest_name;
use idiolect_data::{DataError, Id};
use idiolect_input::counted;
use idiolect_metrics::MetricsError;

/// Where a row stands, as errors say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlace {
    /// The file.
    pub path: PathBuf,
    /// The row: counted from 1 in the files of tasks, from 0 where rows are scored.
    pub row: usize,
    /// The line on which it begins, from 1, where it is known.
    pub line: Option<usize>,
}

impl std::fmt::Display for RowPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: row {}", self.path.display(), self.row)?;
        match self.line {
            Some(line) => write!(f, " (line {line})"),
            None => Ok(()),
        }
    }
}

/// Why a task could not be read, run or scored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A file of rows, or a journal, could not be read or written.
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
    /// A setting is out of range, is of no use to the task, or differs from what a folder was begun with.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// The setting's key, with the file in front where one is at fault.
        name: String,
        /// What is accepted.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A setting of how tokens are drawn is out of range.
    #[error(transparent)]
    Sampling(#[from] GenerateError),
    /// A row lacks a field, or the field has another form.
    #[error("{place}: {field}: expected {expected}, found {found}")]
    Field {
        /// The row.
        place: RowPlace,
        /// The field.
        field: String,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// No task has this name.
    #[error(
        "no task {name:?}: expected a task ({}), or a .toml file",
        nearest(name, known)
    )]
    Task {
        /// The name as given.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// No task and no data set of this name wants files.
    #[error(
        "nothing is known of {name:?}: expected a task or a data set ({})",
        nearest(name, known)
    )]
    DataSet {
        /// The name as given.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A file that a task comes with is not in the data folder.
    #[error("{}: no such file; {how}", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
        /// How it is to be had.
        how: String,
    },
    /// The Hub did not give a file.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] idiolect_hub::HubError),
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
    /// A journal holds a row of another task, other prompts or another order.
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
    /// A journal has a row more than the task has items.
    #[error("{}: row {id} is not of this run: expected {}, found more", path.display(), counted(*expected, "row for the one item", "rows, one for each item"))]
    Surplus {
        /// The journal.
        path: PathBuf,
        /// Id of the first row too many.
        id: Id,
        /// Items of the task.
        expected: usize,
    },
    /// A journal has judgements of ids that the task has not, or of one id twice.
    #[error(transparent)]
    JournalIds(CompletionError),
    /// The model failed, or did not answer every request in its own form.
    #[error("the model failed")]
    Model {
        /// Its own error.
        #[source]
        source: BoxError,
    },
    /// The judge cannot be opened.
    #[error("the judge cannot be opened")]
    OpenJudge {
        /// Why not.
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
        source: BoxError,
    },
    /// Models that are compared answered different numbers of rows.
    #[error(
        "{what} of {model}: expected one for each of {}, found {found}",
        counted(*expected, "row", "rows")
    )]
    Rows {
        /// The model.
        model: String,
        /// What there should be one of for each row.
        what: &'static str,
        /// Rows.
        expected: usize,
        /// How many there are.
        found: usize,
    },
}

/// The known name that is nearest, or all of them.
fn nearest(name: &str, known: &[String]) -> String {
    match nearest_name(name, known) {
        Some(nearest) => format!("the nearest is {nearest}"),
        None => format!("one of {}", known.join(", ")),
    }
}

impl EvalError {
    /// A [`EvalError::Sandbox`] for a reason.
    pub(crate) fn sandbox(reason: impl ToString) -> Self {
        Self::Sandbox {
            reason: reason.to_string(),
        }
    }

    /// A [`EvalError::Setting`] of the setting `name`.
    pub(crate) fn setting(
        name: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Setting {
            name: name.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }

    /// A [`EvalError::Score`] of the item `id`.
    pub(crate) fn score(id: &Id) -> impl FnOnce(MetricsError) -> Self {
        let id = id.clone();
        move |source| Self::Score {
            id,
            source: source.into(),
        }
    }
}
