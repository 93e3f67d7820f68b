//! Everything that can stop a training run.

use std::path::{Path, PathBuf};

use idiolect_data::{DataError, FileInUse};
use idiolect_input::counted;

/// An error of the caller's own code, as an objective returns it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What stopped a training run, where, and what was expected there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting lies outside its range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// The field of the configuration, or the part of the run.
        name: &'static str,
        /// The range.
        expected: &'static str,
        /// The value.
        found: String,
    },
    /// Not one token of a set is trained on, so its loss would be a mean of nothing.
    #[error(
        "no trained token in {}: every label is masked after the shift",
        counted(*rows, &format!("{set} row"), &format!("{set} rows"))
    )]
    NoTrainedToken {
        /// `training` or `held-out`.
        set: &'static str,
        /// Number of rows.
        rows: usize,
    },
    /// Labels do not stand one beside each input id: padding would be trained.
    #[error(
        "row {row}: expected one label beside each of {}, found {}",
        counted(*ids, "input id", "input ids"), counted(*labels, "label", "labels")
    )]
    Labels {
        /// The row: its place among the training or held-out rows.
        row: usize,
        /// Number of the row's input ids.
        ids: usize,
        /// Number of its labels.
        labels: usize,
    },
    /// The caller's rows could not be read.
    #[error("reading {set} row {row} failed")]
    Rows {
        /// `training` or `held-out`.
        set: &'static str,
        /// The row: its place among them.
        row: usize,
        /// The caller's own error.
        #[source]
        source: BoxError,
    },
    /// The rows of a step could not be made, or what came of them not be kept.
    #[error("step {step}: its rows could not be made or kept")]
    StepRows {
        /// 1-based optimiser step; that of the checkpoint where a run resumes.
        step: usize,
        /// The caller's own error.
        #[source]
        source: BoxError,
    },
    /// The loss or the gradient norm of a step is not a finite number; the step was not applied.
    #[error("step {step}: expected a finite {quantity}, found {value}")]
    NotFinite {
        /// 1-based optimiser step.
        step: usize,
        /// `loss` or `gradient norm`.
        quantity: &'static str,
        /// The value.
        value: f64,
    },
    /// A parameter that the caller named as moving is still exactly zero.
    #[error("step {step}: expected parameter {parameter} to have moved, found it exactly zero")]
    NeverMoved {
        /// 1-based optimiser step after which it was looked at.
        step: usize,
        /// Name of the parameter.
        parameter: String,
    },
    /// The caller's objective failed.
    #[error("step {step}: objective failed")]
    Objective {
        /// 1-based optimiser step in which it was called.
        step: usize,
        /// Its own error.
        #[source]
        source: BoxError,
    },
    /// A device that another machine lends is gone, or silent for so long that it counts as gone.
    #[error("step {step}: device {place} of the run is lost")]
    DeviceLost {
        /// 1-based optimiser step that was under way; its parameters are those of the step before.
        step: usize,
        /// Which device: 0 is the run's own, and others are its replicas, from 1.
        place: usize,
    },
    /// A run folder in which another process trains.
    #[error(transparent)]
    InUse(#[from] FileInUse),
    /// The newest checkpoint of a run cannot be read.
    #[error("{damage}; {}", offer(newest, good.as_deref()))]
    Damaged {
        /// What is wrong, with the file.
        damage: Box<TrainError>,
        /// The checkpoint's folder.
        newest: PathBuf,
        /// The last checkpoint from which the run can resume, if there is one.
        good: Option<PathBuf>,
    },
    /// A folder of the run could not be made or removed.
    #[error(transparent)]
    Folder(#[from] DataError),
    /// A file of the run could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// A checkpoint or run folder is not the one this run can use.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Checkpoint {
        /// The file or folder.
        path: PathBuf,
        /// What the run needs there.
        expected: String,
        /// What is there.
        found: String,
    },
}

/// How a run whose newest checkpoint is damaged can be resumed.
fn offer(newest: &Path, good: Option<&Path>) -> String {
    let newest = newest.display();
    match good {
        Some(good) => format!(
            "the last good checkpoint is {}: delete {newest} and resume from it",
            good.display()
        ),
        None => format!("no other checkpoint is good: delete {newest} to begin anew"),
    }
}

impl TrainError {
    /// No parameter of the module wants a gradient.
    pub(crate) fn nothing_to_train() -> Self {
        Self::Setting {
            name: "module",
            expected: "a parameter that requires a gradient",
            found: "none".to_owned(),
        }
    }
}

/// An objective counted other trained tokens than the rows of its batch hold, so its gradient
/// was divided by a wrong number; it comes as the source of [`TrainError::Objective`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a loss over {}, found one over {found}",
    counted(*expected, "trained token", "trained tokens")
)]
pub struct CountMismatch {
    /// Trained tokens of the batch, after the shift.
    pub expected: usize,
    /// Trained tokens that the objective reported.
    pub found: usize,
}
