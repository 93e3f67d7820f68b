//! A run as it was asked for.

use std::sync::atomic::AtomicBool;

use idiolect_data::settings::same_job;
use idiolect_data::{RunDir, SkippedRow};
use idiolect_lm::LanguageModel;
use idiolect_train::TrainConfig;
use schemars::JsonSchema;

use crate::{FineTuneError, TrainSettings, TrainingData, TrainingEvent};

/// Told of each event.
pub(crate) type Listener<'a> = dyn FnMut(TrainingEvent) + Send + 'a;

/// A run as it was asked for, its settings checked.
pub(crate) struct RunOptions<'a> {
    pub(crate) model: LanguageModel,
    pub(crate) data: TrainingData<'a>,
    /// What is evaluated; none where a share of `data` is, or nothing.
    pub(crate) held_out: Option<TrainingData<'a>>,
    /// Rows that were left out when the data was read.
    pub(crate) skipped: Vec<SkippedRow>,
    pub(crate) settings: TrainSettings,
    /// The loop, with what the settings decide of it.
    pub(crate) config: TrainConfig,
    pub(crate) run: Option<RunDir>,
    pub(crate) resume: bool,
    pub(crate) stop: Option<&'a AtomicBool>,
}

impl RunOptions<'_> {
    /// Refuses the run directory of a job with other settings than those of type `T`.
    pub(crate) fn check_job<T: JsonSchema>(&self) -> Result<(), FineTuneError> {
        Ok(self.run.as_ref().map_or(Ok(()), same_job::<T>)?)
    }
}
