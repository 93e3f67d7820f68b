//! One line and an exit status for whatever goes wrong.
//!
//! Status 2: the input or the call is wrong, and the line names file, row, tensor or field.
//! Status 1: the run failed.

use std::error::Error;
use std::io::ErrorKind;
use std::path::PathBuf;

use idiolect::{
    continuation::ContinuationError, data::DataError, distill::DistillError, embed::EmbedError,
    eval::EvalError, generate::GenerateError, lora::LoraError, model::ModelError,
    prompt::PromptError, teacher::TeacherError, tokens::TokensError, train::TrainError,
};

use crate::report::PageError;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// A data file.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A template or a conversation.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A tokenizer or a row of tokens.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// A checkpoint.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An adapter.
    #[error(transparent)]
    Lora(#[from] LoraError),
    /// Text generation.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// Training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Self-distillation.
    #[error(transparent)]
    Distill(#[from] DistillError),
    /// Halving and continuing.
    #[error(transparent)]
    Continuation(#[from] ContinuationError),
    /// A teacher behind a server.
    #[error(transparent)]
    Teacher(#[from] TeacherError),
    /// Sentence embeddings.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// A task.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The page of a report.
    #[error("{}: {source}", path.display())]
    Page {
        /// The page.
        path: PathBuf,
        /// Why it could not be made.
        #[source]
        source: PageError,
    },
    /// A file of the command itself.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// An option or a setting of a configuration file.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Name of the option, with the file where one is at fault.
        name: String,
        /// What is accepted.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An example of a data set.
    #[error("row {id}: {source}")]
    Row {
        /// Its id.
        id: String,
        /// What is wrong with it.
        #[source]
        source: Box<CliError>,
    },
    /// The arguments do not parse.
    #[error("{0}")]
    Usage(String),
    /// Some shards are not done.
    #[error("{}: {missing} of {asked} rows are missing (ids {ids}); distill with the same --out writes them", path.display())]
    Incomplete {
        /// The joined journal.
        path: PathBuf,
        /// Rows without a rewrite.
        missing: usize,
        /// Rows that are to have one.
        asked: usize,
        /// The first of those missing.
        ids: String,
    },
    /// The user asked to stop; what was done is on disk.
    #[error("stopped: {what}; the same command with {again} goes on")]
    Stopped {
        /// How far it came.
        what: String,
        /// What to add.
        again: &'static str,
    },
}

impl CliError {
    /// An [`CliError::Io`] for `path`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// A [`CliError::Setting`].
    pub fn setting(name: &str, expected: impl Into<String>, found: impl ToString) -> Self {
        Self::Setting {
            name: name.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }

    /// The exit status: 2 for a wrong input or call, 1 for a failed run.
    #[must_use]
    pub fn status(&self) -> u8 {
        let failed = match self {
            Self::Eval(EvalError::Sandbox { .. } | EvalError::Judge { .. })
            | Self::Train(TrainError::NotFinite { .. } | TrainError::NeverMoved { .. })
            | Self::Stopped { .. }
            | Self::Incomplete { .. } => true,
            Self::Train(TrainError::Objective { .. }) => !self.blames_input(),
            Self::Generate(error) => {
                matches!(
                    error,
                    GenerateError::NotFinite { .. } | GenerateError::LogitsShape { .. }
                )
            }
            // What the model is to blame for stands further down the chain.
            Self::Eval(EvalError::Model { source }) => source
                .downcast_ref::<Self>()
                .is_none_or(|own| own.status() == 1),
            _ => self.system_failed() || self.server_failed(),
        };
        if failed { 1 } else { 2 }
    }

    /// Whether a caller's input is behind a failed objective.
    fn blames_input(&self) -> bool {
        self.causes()
            .any(|cause| cause.is::<ModelError>() || cause.is::<LoraError>())
    }

    /// Whether the system, and not the named file, is to blame: a full disk, a broken pipe.
    fn system_failed(&self) -> bool {
        let blameless = |error: &std::io::Error| {
            !matches!(
                error.kind(),
                ErrorKind::NotFound
                    | ErrorKind::PermissionDenied
                    | ErrorKind::NotADirectory
                    | ErrorKind::IsADirectory
                    | ErrorKind::InvalidData
                    | ErrorKind::InvalidInput
                    | ErrorKind::AlreadyExists
                    | ErrorKind::UnexpectedEof
            )
        };
        self.causes()
            .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
            .any(blameless)
    }

    /// Whether a server did not do its part, or the budget is spent.
    fn server_failed(&self) -> bool {
        // What is passed on transparently is no cause of its own.
        let own = match self {
            Self::Teacher(error) => Some(error),
            _ => None,
        };
        let below = self.causes().filter_map(|cause| cause.downcast_ref());
        own.into_iter().chain(below).any(|error| {
            matches!(
                error,
                TeacherError::Status { .. }
                    | TeacherError::GaveUp { .. }
                    | TeacherError::Budget { .. }
            )
        })
    }

    fn causes(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        let first: &(dyn Error + 'static) = self;
        std::iter::successors(Some(first), |cause| (*cause).source())
    }

    /// The whole chain of causes in one line, none said twice.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = String::new();
        for cause in self.causes() {
            let text = cause
                .to_string()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            if line.is_empty() {
                line = text;
            } else if !line.contains(&text) {
                line = format!("{line}: {text}");
            }
        }
        line
    }
}
