//! What can go wrong in the experiment, outside the program that it calls.

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
    /// A file that holds something else.
    #[error("{}: expected {expected}", path.display())]
    File {
        /// It.
        path: PathBuf,
        /// What was expected in it.
        expected: String,
    },
    /// A data set or a result that cannot be written.
    #[error(transparent)]
    Data(#[from] idiolect_data::DataError),
    /// Scores of two models that do not pair.
    #[error(transparent)]
    Metrics(#[from] idiolect_metrics::MetricsError),
    /// A scale that there is not.
    #[error("--scale: expected tiny, small or paper, found {found}")]
    Scale {
        /// What was asked for.
        found: String,
    },
    /// The program failed; its own line stands above.
    #[error("{command}: {status}")]
    Program {
        /// What was called.
        command: String,
        /// How it ended.
        status: String,
    },
}

impl ExperimentError {
    /// For `map_err`, with the path.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// For a file that holds something else.
    pub(crate) fn file(path: &Path, expected: impl Into<String>) -> Self {
        Self::File {
            path: path.to_owned(),
            expected: expected.into(),
        }
    }
}
