//! A build without the feature `mlflow`: no run is tracked.

use std::path::Path;

use idiolect_train::{EvaluationRow, StepRow};

use crate::{FineTuneError, TrainSettings};

/// There is none.
pub(super) enum MlflowRun {}

#[allow(
    clippy::unused_self,
    reason = "the methods of the run that the feature has"
)]
impl MlflowRun {
    /// # Errors
    ///
    /// [`FineTuneError::Setting`], always.
    pub(super) fn begin(
        url: &str,
        _: &Path,
        _: &TrainSettings,
        _: bool,
    ) -> Result<Self, FineTuneError> {
        let expected = "nothing, for this program was built without the feature mlflow";
        Err(FineTuneError::setting("track", expected, url))
    }

    pub(super) fn step(&self, _: &StepRow) {}

    pub(super) fn evaluation(&self, _: &EvaluationRow) {}

    pub(super) fn end(self) -> Option<String> {
        match self {}
    }
}
