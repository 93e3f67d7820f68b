//! What can go wrong with a language model, from its files to its last token.

use std::path::PathBuf;

use idiolect_data::{DataError, Id, id_text};
use idiolect_generate::{GenerateError, PromptProblem};
use idiolect_lora::LoraError;
use idiolect_model::ModelError;
use idiolect_prompt::PromptError;
use idiolect_tokens::TokensError;

/// Why a model cannot be opened, asked, scored or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LmError {
    /// A file of rows, or one to be hashed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A row's likelihood that is no number: the model computes beyond its type of numbers.
    #[error("row {row}: expected a finite likelihood under the model, found {found}")]
    NotFinite {
        /// Id of the row.
        row: String,
        /// What came out.
        found: f64,
    },
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
    /// A prompt that the model cannot continue.
    #[error(transparent)]
    Request(#[from] PromptProblem),
    /// A file of the model's own that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A setting, or a field of a file, that is out of range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting as a configuration file has it, or the place in a file.
        name: String,
        /// What is accepted.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A row that cannot be used: its conversation cannot be rendered or encoded, its adapter not be put on the model,
    /// or its prompt not be continued.
    #[error("row {}: {source}{}", id_text(id), suggestion.as_deref().unwrap_or_default())]
    Row {
        /// Its id.
        id: Id,
        /// What is wrong with it.
        #[source]
        source: Box<LmError>,
        /// Which template would fit the tokenizer, where one is known.
        suggestion: Option<String>,
    },
}

impl LmError {
    /// Whether it is about one row of a data set, so that the others can be used without it.
    #[must_use]
    pub fn is_of_row(&self) -> bool {
        matches!(
            self,
            Self::Row { .. }
                | Self::Tokens(TokensError::Row { .. })
                | Self::Data(DataError::Field { .. })
        )
    }

    /// What is wrong with the row, without its id.
    #[must_use]
    pub fn of_row(&self) -> String {
        match self {
            Self::Row {
                source, suggestion, ..
            } => format!("{source}{}", suggestion.as_deref().unwrap_or_default()),
            Self::Tokens(TokensError::Row { problem, .. }) => problem.to_string(),
            other => other.to_string(),
        }
    }

    /// The error that this one passes on as it is; itself where it is its own.
    ///
    /// An error that is passed on so is no source of the one that passes it on.
    #[must_use]
    pub fn cause(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Data(error) => error,
            Self::Prompt(error) => error,
            Self::Tokens(error) => error,
            Self::Model(error) => error,
            Self::Lora(error) => error,
            Self::Generate(error) => error,
            Self::Request(error) => error,
            own => own,
        }
    }

    /// An [`LmError::Io`] for `path`.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// The same of a row, unless it names one already.
    pub(crate) fn in_row(self, id: &Id) -> Self {
        match self {
            row @ Self::Row { .. } => row,
            source => Self::Row {
                id: id.clone(),
                source: Box::new(source),
                suggestion: None,
            },
        }
    }

    /// The same with the place in a file before its name, where it is an [`LmError::Setting`].
    pub(crate) fn at(self, place: &str) -> Self {
        match self {
            Self::Setting {
                name,
                expected,
                found,
            } => Self::setting(format!("{place}: {name}"), expected, found),
            other => other,
        }
    }

    /// An [`LmError::Setting`].
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
}
