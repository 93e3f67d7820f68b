//! Whatever can go wrong in a job: the error of the crate at fault.

use std::path::PathBuf;

/// Why a job ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A data file, or a file of settings.
    #[error(transparent)]
    Data(#[from] idiolect_data::DataError),
    /// A template or a conversation.
    #[error(transparent)]
    Prompt(#[from] idiolect_prompt::PromptError),
    /// A tokenizer or a row of tokens.
    #[error(transparent)]
    Tokens(#[from] idiolect_tokens::TokensError),
    /// A journal, or a writer of completions.
    #[error(transparent)]
    Completion(#[from] idiolect_completion::CompletionError),
    /// Self-distillation.
    #[error(transparent)]
    Distill(#[from] idiolect_distill::DistillError),
    /// Halving and continuing.
    #[error(transparent)]
    Continuation(#[from] idiolect_continuation::ContinuationError),
    /// A task.
    #[error(transparent)]
    Eval(#[from] idiolect_eval::EvalError),
    /// The page of a run.
    #[error(transparent)]
    Report(#[from] idiolect_report::ReportError),
    /// A server.
    #[cfg(feature = "server")]
    #[error(transparent)]
    Teacher(#[from] idiolect_teacher::TeacherError),
    /// A server over a model.
    #[cfg(feature = "serve")]
    #[error(transparent)]
    Serve(#[from] idiolect_serve::ServeError),
    /// A checkpoint.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Model(#[from] idiolect_model::ModelError),
    /// An adapter.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Lora(#[from] idiolect_lora::LoraError),
    /// A language model.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Lm(#[from] idiolect_lm::LmError),
    /// A training run.
    #[cfg(feature = "train")]
    #[error(transparent)]
    FineTune(#[from] idiolect_finetune::FineTuneError),
    /// The measurement of forgetting, or more of it than the limit allows.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Forgetting(#[from] idiolect_forgetting::ForgettingError),
    /// Sentence embeddings.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Embed(#[from] idiolect_embed::EmbedError),
    /// A file or folder of the job itself.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A setting.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Its name in a file of settings.
        name: String,
        /// What is accepted.
        expected: String,
        /// What was given.
        found: String,
    },
}

impl Error {
    /// An [`Error::Io`] for `path`.
    #[cfg(feature = "train")]
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// An [`Error::Setting`].
    #[must_use]
    pub fn setting(name: &str, expected: impl Into<String>, found: impl ToString) -> Self {
        Self::Setting {
            name: name.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}
