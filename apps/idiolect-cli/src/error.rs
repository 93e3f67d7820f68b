//! One line and an exit status for whatever goes wrong.
//!
//! Status 2: the input or the call is wrong, and the line names file, row, tensor or field.
//! Status 1: the run failed.
//! Status 101: a panic, that is a fault of the program itself.

use std::io::ErrorKind;
use std::path::PathBuf;

use idiolect::continuation::ContinuationError;
use idiolect::distill::DistillError;
use idiolect::eval::EvalError;
use idiolect::finetune::FineTuneError;
use idiolect::forgetting::ForgettingError;
use idiolect::generate::GenerateError;
use idiolect::hub::HubError;
use idiolect::input::shown;
use idiolect::lm::LmError;
use idiolect::lora::LoraError;
use idiolect::model::ModelError;
use idiolect::teacher::TeacherError;
use idiolect::train::TrainError;

use crate::args::as_typed;

/// Characters of the line about an error.
const LONGEST: usize = 4000;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The library refused or failed.
    #[error(transparent)]
    Job(#[from] idiolect::Error),
    /// The Hub gave or took nothing.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The arguments do not parse.
    #[error("{0}")]
    Usage(String),
    /// The arguments do not parse, and clap has said so.
    #[error("the arguments do not parse")]
    Told,
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Output(#[source] std::io::Error),
    /// Standard input cannot be read.
    #[error("standard input: {0}")]
    Input(#[source] std::io::Error),
    /// A file or folder that cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's own reason.
        source: std::io::Error,
    },
    /// Another machine's device is gone while it was used.
    #[error("{0} is lost: its machine no longer answers")]
    DeviceLost(String),
    /// A panic, with what it said and where.
    #[error("a fault of this program, which is worth a report: {0}")]
    Panic(String),
    /// The user asked to stop; what was done is on disk.
    #[error("stopped: done up to step {steps}; the same command{again} resumes")]
    Stopped {
        /// Optimiser steps done.
        steps: usize,
        /// What to add to the command, after a space.
        again: &'static str,
    },
    /// The user asked to stop a training that writes no checkpoints.
    #[error("stopped: done up to step {steps} and not kept, since --checkpoint-every is 0")]
    Lost {
        /// Optimiser steps done.
        steps: usize,
    },
}

impl CliError {
    /// A training that was asked to stop, whose steps are `kept` or not; `again` is what to add to the command.
    pub(crate) fn stopped(steps: usize, kept: bool, again: &'static str) -> Self {
        if kept {
            Self::Stopped { steps, again }
        } else {
            Self::Lost { steps }
        }
    }

    /// Whether the user has read it already.
    pub(crate) fn is_told(&self) -> bool {
        matches!(self, Self::Told)
    }

    /// The exit status: 2 for a wrong input or call, 1 for a failed run, 101 for a panic.
    pub(crate) fn status(&self) -> u8 {
        if matches!(self, Self::Panic(_)) {
            return 101;
        }
        let failed = match self {
            Self::Stopped { .. }
            | Self::Lost { .. }
            | Self::DeviceLost(_)
            | Self::Hub(HubError::Unreachable { .. })
            | Self::Job(
                idiolect::Error::Continuation(ContinuationError::NoText { .. })
                | idiolect::Error::Distill(DistillError::Incomplete { .. }),
            ) => true,
            Self::Usage(_) | Self::Told => false,
            _ => self.run_failed() || self.system_failed(),
        };
        if failed { 1 } else { 2 }
    }

    /// Whether a training, a model, a judge, a sandbox or a server did not do its part.
    fn run_failed(&self) -> bool {
        let blames_input = self
            .causes()
            .any(|cause| cause.is::<ModelError>() || cause.is::<LoraError>() || is_setting(cause));
        self.causes().any(|cause| {
            let train = cause.downcast_ref().is_some_and(|error| match error {
                TrainError::NotFinite { .. } | TrainError::NeverMoved { .. } => true,
                TrainError::Objective { .. } | TrainError::StepRows { .. } => !blames_input,
                _ => false,
            });
            let generate = cause.downcast_ref().is_some_and(|error| {
                matches!(
                    error,
                    GenerateError::NotFinite { .. } | GenerateError::LogitsShape { .. }
                )
            });
            let eval = cause.downcast_ref().is_some_and(|error| match error {
                EvalError::Sandbox { .. }
                | EvalError::Judge { .. }
                | EvalError::Hub(HubError::Unreachable { .. }) => true,
                EvalError::Model { .. } => !blames_input,
                _ => false,
            });
            let server = cause.downcast_ref().is_some_and(|error| {
                matches!(
                    error,
                    TeacherError::Status { .. }
                        | TeacherError::GaveUp { .. }
                        | TeacherError::Budget { .. }
                )
            });
            let device = cause
                .downcast_ref()
                .is_some_and(|error| matches!(error, FineTuneError::DeviceLost { .. }));
            let forgot = cause
                .downcast_ref()
                .is_some_and(|error| matches!(error, ForgettingError::Exceeded { .. }));
            train || generate || eval || server || device || forgot
        })
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

    fn causes(&self) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
        let first = match self {
            Self::Job(job) => job.cause(),
            other => other,
        };
        std::iter::successors(Some(first), |cause| {
            (*cause).source().map(idiolect::error_cause)
        })
    }

    /// The whole chain of causes in one line, none said twice, and nothing in it that a terminal acts on: names
    /// and texts of files stand in errors.
    pub(crate) fn line(&self) -> String {
        shown(&self.causes_in_line(), LONGEST).into_owned()
    }

    fn causes_in_line(&self) -> String {
        let mut line = String::new();
        for cause in self.causes() {
            let text = cause.to_string();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if line.is_empty() {
                line = text;
            } else if !line.contains(&text) {
                line = format!("{line}: {text}");
            }
        }
        as_flag(&line)
    }
}

/// A setting by the name of its option, where the text begins with a setting and not with a path that was typed and has
/// a setting's name: libraries know settings by their keys in a file.
fn as_flag(text: &str) -> String {
    let own = text.strip_prefix("command line: ").unwrap_or(text);
    let key = own.split([':', '.', '/']).next();
    let is_path = std::env::args().any(|typed| Some(&*typed) == key);
    match own.split_once(": ").filter(|_| is_path) {
        Some((path, rest)) => format!("{path}: {}", as_typed(rest)),
        None => as_typed(own),
    }
}

/// Whether an error is about a setting, whichever library says so.
fn is_setting(cause: &(dyn std::error::Error + 'static)) -> bool {
    let lm = cause.downcast_ref::<LmError>();
    let finetune = cause.downcast_ref::<FineTuneError>();
    lm.is_some_and(|error| matches!(error, LmError::Setting { .. }))
        || finetune.is_some_and(|error| matches!(error, FineTuneError::Setting { .. }))
}
