//! What can go wrong while forgetting is measured.

use std::path::PathBuf;

use idiolect_data::DataError;
use idiolect_lm::LmError;

/// Why forgetting cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForgettingError {
    /// The model, or a file of prompts.
    #[error(transparent)]
    Lm(#[from] LmError),
    /// A journal, or a file of texts.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A setting that is out of range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting as a configuration file has it.
        name: &'static str,
        /// What is accepted.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A row of a journal that belongs to another base model, prompt or setting.
    #[error(
        "{}: row {id}: expected an answer of this base model to this prompt, found one of another model, prompt \
         or setting: another run directory draws its own",
        path.display()
    )]
    Differs {
        /// The journal.
        path: PathBuf,
        /// The prompt.
        id: String,
    },
    /// A file of texts with a row that has none.
    #[error("{}: line {line}: expected a text field with words in it, found {found}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is there.
        found: String,
    },
    /// A measured value that is above the limit that was set.
    #[error(
        "forgetting_limit: expected a rise of at most {limit} nats a token on the base model's own answers, \
         found {found:.4}"
    )]
    Exceeded {
        /// The limit.
        limit: f64,
        /// The rise that was found.
        found: f64,
    },
}

impl ForgettingError {
    /// The error that this one passes on as it is, to the last; itself where it is its own.
    ///
    /// An error that is passed on so is no source of the one that passes it on.
    #[must_use]
    pub fn cause(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Lm(error) => error.cause(),
            Self::Data(error) => error,
            own => own,
        }
    }

    pub(crate) fn setting(name: &'static str, expected: &str, found: impl ToString) -> Self {
        Self::Setting {
            name,
            expected: expected.to_owned(),
            found: found.to_string(),
        }
    }
}
