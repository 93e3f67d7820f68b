//! Whether an error is about what was given, or about the run.

use std::error::Error as StdError;
use std::io::ErrorKind;

use idiolect_continuation::ContinuationError;
use idiolect_distill::DistillError;
use idiolect_eval::EvalError;
use idiolect_generate::GenerateError;

use super::causes::error_causes;
use super::job::Error;

type Cause = dyn StdError + 'static;

/// What an error blames.
///
/// ```
/// use idiolect::{Blame, Dataset, Error};
///
/// let error = Error::from(Dataset::open("missing.jsonl").unwrap_err());
/// assert_eq!(error.blame(), Blame::Input);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// What was given: a setting, or a file, row, tensor or field that the error names. The same call fails again until
    /// that is put right.
    Input,
    /// The run: a model, a judge, a server, a sandbox or a device that did not do its part, or a system without room.
    Run,
}

impl Blame {
    /// What an error of any crate of this workspace blames, by itself and its causes; the input where nothing else is
    /// known of it.
    #[must_use]
    pub fn of(error: &Cause) -> Self {
        let any = |test: fn(&Cause) -> bool| error_causes(error).any(test);
        let is_passed_on = any(passes_on) && !any(names_input);
        if is_passed_on || any(is_failure) || any(is_of_system) {
            Self::Run
        } else {
            Self::Input
        }
    }
}

impl Error {
    /// What it blames, by itself and its causes.
    #[must_use]
    pub fn blame(&self) -> Blame {
        Blame::of(self)
    }
}

/// Whether an error is of a type, and the test of that type holds.
fn is<E: StdError + 'static>(error: &Cause, test: fn(&E) -> bool) -> bool {
    error.downcast_ref().is_some_and(test)
}

/// Whether an error says that a run failed, whatever caused it.
fn is_failure(error: &Cause) -> bool {
    #[cfg(feature = "hub")]
    if is_of_hub(error) {
        return true;
    }
    #[cfg(feature = "server")]
    if is_of_server(error) {
        return true;
    }
    #[cfg(feature = "train")]
    if is_of_training(error) {
        return true;
    }
    is(error, |own| {
        use GenerateError::{LogitsShape, NotFinite};
        matches!(own, NotFinite { .. } | LogitsShape { .. })
    }) || is(error, |own| {
        matches!(own, EvalError::Sandbox { .. } | EvalError::Judge { .. })
    }) || is(error, |own| matches!(own, DistillError::Incomplete { .. }))
        || is(error, |own| matches!(own, ContinuationError::NoText { .. }))
}

#[cfg(feature = "hub")]
fn is_of_hub(error: &Cause) -> bool {
    use idiolect_hub::HubError::Unreachable;

    is(error, |own| matches!(own, Unreachable { .. }))
        || is(error, |own| {
            matches!(own, EvalError::Hub(Unreachable { .. }))
        })
}

#[cfg(feature = "server")]
fn is_of_server(error: &Cause) -> bool {
    use idiolect_teacher::TeacherError::{Budget, GaveUp, Status};

    is(error, |own| {
        matches!(own, Status { .. } | GaveUp { .. } | Budget { .. })
    })
}

#[cfg(feature = "train")]
fn is_of_training(error: &Cause) -> bool {
    use idiolect_finetune::FineTuneError::{DeviceLost, Stopped};
    use idiolect_forgetting::ForgettingError::Exceeded;
    is(error, |own| {
        use idiolect_train::TrainError::{DeviceLost, NeverMoved, NotFinite};
        matches!(
            own,
            NotFinite { .. } | NeverMoved { .. } | DeviceLost { .. }
        )
    }) || is(error, |own| {
        matches!(own, DeviceLost { .. } | Stopped { .. })
    }) || is(error, |own| matches!(own, Exceeded { .. }))
}

/// Whether an error says that a part of a run failed, and leaves it to its causes why.
fn passes_on(error: &Cause) -> bool {
    #[cfg(feature = "train")]
    if is(error, |own| {
        use idiolect_train::TrainError::{Objective, StepRows};
        matches!(own, Objective { .. } | StepRows { .. })
    }) {
        return true;
    }
    is(error, |own| matches!(own, EvalError::Model { .. }))
}

/// Whether an error is about a model, an adapter or a setting that was given.
#[cfg(feature = "train")]
fn names_input(error: &Cause) -> bool {
    use idiolect_finetune::FineTuneError;
    use idiolect_lm::LmError;

    error.is::<idiolect_model::ModelError>()
        || error.is::<idiolect_lora::LoraError>()
        || is(error, |own| matches!(own, LmError::Setting { .. }))
        || is(error, |own| matches!(own, FineTuneError::Setting { .. }))
}

#[cfg(not(feature = "train"))]
fn names_input(_: &Cause) -> bool {
    false
}

/// Whether the system is to blame, and not the file that is named: a full disk, a broken pipe.
fn is_of_system(error: &Cause) -> bool {
    is(error, |own: &std::io::Error| {
        !matches!(
            own.kind(),
            ErrorKind::NotFound
                | ErrorKind::PermissionDenied
                | ErrorKind::NotADirectory
                | ErrorKind::IsADirectory
                | ErrorKind::InvalidData
                | ErrorKind::InvalidInput
                | ErrorKind::AlreadyExists
                | ErrorKind::UnexpectedEof
        )
    })
}
