//! What can end a fine-tuning.

use std::path::PathBuf;

use idiolect_completion::CompletionError;
use idiolect_data::DataError;
use idiolect_forgetting::ForgettingError;
use idiolect_input::counted;
use idiolect_lm::LmError;
use idiolect_lora::LoraError;
use idiolect_model::ModelError;
use idiolect_report::ReportError;
use idiolect_tokens::TokensError;
use idiolect_train::TrainError;

/// Why a fine-tuning could not begin, or ended early.
///
/// Nothing stays locked after any of them: the same run, or another one, may begin at once.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FineTuneError {
    /// The model, its adapter, its tokenizer, or the rows that are made with it.
    #[error(transparent)]
    Lm(#[from] LmError),
    /// The training loop.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Distributions that a distillation stored: damaged, missing, or of another vocabulary.
    #[error(transparent)]
    Stored(#[from] CompletionError),
    /// The curves of the run.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The measurement of forgetting, or more of it than the limit allows.
    #[error(transparent)]
    Forgetting(#[from] ForgettingError),
    /// A file of the run that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A setting that is out of range, or does not go with another one.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting as a configuration file has it, or the file and the key in it.
        name: String,
        /// What is accepted.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Another machine's device is gone, or silent for so long that it counts as gone.
    #[error("step {step}: {device} is lost: its machine no longer answers; {}", lost(*kept))]
    DeviceLost {
        /// 1-based optimiser step that was under way.
        step: usize,
        /// The device's name.
        device: String,
        /// Whether a checkpoint holds all steps before it, so that the run can be resumed without them being lost.
        kept: bool,
    },
    /// The run was asked to stop.
    #[error("stopped after {}; {}", counted(*steps, "step", "steps"), rest(*kept))]
    Stopped {
        /// Optimiser steps done.
        steps: usize,
        /// Whether a checkpoint holds them, so that the run can be resumed.
        kept: bool,
    },
}

/// What becomes of a run that lost a device.
fn lost(kept: bool) -> &'static str {
    if kept {
        "a checkpoint holds the steps before: --resume goes on, with this device or others"
    } else {
        "--resume goes on from the last checkpoint, if there is one, with this device or others"
    }
}

/// What becomes of a run that was stopped.
fn rest(kept: bool) -> &'static str {
    if kept {
        "a run that resumes does the rest"
    } else {
        "nothing was kept, since the run writes no checkpoints"
    }
}

impl FineTuneError {
    /// The error that this one passes on as it is, to the last; itself where it is its own.
    ///
    /// An error that is passed on so is no source of the one that passes it on.
    #[must_use]
    pub fn cause(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Lm(error) => error.cause(),
            Self::Train(error) => error,
            Self::Report(error) => error,
            Self::Forgetting(error) => error.cause(),
            own => own,
        }
    }

    /// A [`FineTuneError::Io`] for `path`.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// A [`FineTuneError::Setting`].
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

impl From<DataError> for FineTuneError {
    fn from(error: DataError) -> Self {
        Self::Lm(error.into())
    }
}

impl From<LoraError> for FineTuneError {
    fn from(error: LoraError) -> Self {
        Self::Lm(error.into())
    }
}

impl From<ModelError> for FineTuneError {
    fn from(error: ModelError) -> Self {
        Self::Lm(error.into())
    }
}

impl From<TokensError> for FineTuneError {
    fn from(error: TokensError) -> Self {
        Self::Lm(error.into())
    }
}
