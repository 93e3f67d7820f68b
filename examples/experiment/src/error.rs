//! What can go wrong in the experiment.

use std::path::{Path, PathBuf};

/// An error of the experiment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExperimentError {
    /// A file or folder that cannot be read, made or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// It.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of the file of numbers that holds something else.
    #[error("{}: line {line}: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Too few rows for the design.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Rows {
        /// The data set.
        path: PathBuf,
        /// What the design needs.
        expected: String,
        /// How many there are.
        found: usize,
    },
    /// The figure cannot be drawn.
    #[error("figure: {0}")]
    Figure(String),
    /// An error of the libraries.
    #[error(transparent)]
    Job(#[from] idiolect::Error),
}

impl ExperimentError {
    /// For `map_err`, with the path.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// Errors of the crates that the facade's own error holds.
macro_rules! of_job {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for ExperimentError {
            fn from(error: $error) -> Self {
                Self::Job(error.into())
            }
        })*
    };
}

of_job!(
    idiolect::data::DataError,
    idiolect::embed::EmbedError,
    idiolect::eval::EvalError,
    idiolect::finetune::FineTuneError,
    idiolect::forgetting::ForgettingError,
    idiolect::lm::LmError,
);
