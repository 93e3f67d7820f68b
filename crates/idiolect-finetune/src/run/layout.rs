//! A run laid out: its memory and work, and its settings with nothing left open.

use idiolect_train::TrainConfig;
use tracing::info;

use super::options::{Listener, RunOptions};
use crate::memory::{PlannedRun, chosen_batch};
use crate::{FineTuneError, MemoryPlan, TrainSettings, TrainingEvent};

/// A run laid out.
pub(crate) struct Layout {
    pub(crate) plan: MemoryPlan,
    /// The loop.
    pub(crate) config: TrainConfig,
    /// What `run.toml` is to hold.
    pub(crate) settings: TrainSettings,
}

impl Layout {
    /// Chooses the rows of a micro-batch where they are left open, tells of it, and plans the run.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] for a run that does not fit into memory; [`FineTuneError::Train`] for a row that
    /// cannot be read.
    pub(crate) fn new(
        options: &RunOptions<'_>,
        run: &PlannedRun<'_>,
        listener: &mut Listener<'_>,
    ) -> Result<Self, FineTuneError> {
        let config = if run.config.has_auto_batch() {
            let config = chosen_batch(run)?;
            listener(TrainingEvent::BatchChosen {
                batch_size: config.batch_size,
                accumulation: config.accumulation,
            });
            config
        } else {
            run.config.clone()
        };
        let plan = MemoryPlan::new(&PlannedRun {
            config: &config,
            ..*run
        })?;
        info!(
            rows = plan.rows,
            held_out = plan.held_out,
            batch_size = plan.batch_size,
            accumulation = plan.accumulation,
            bytes = plan.total_bytes,
            "the run is planned"
        );
        let mut settings = options.settings.clone();
        settings.train.batch_size = config.batch_size;
        settings.train.accumulation = config.accumulation;
        // Of a type that was left open, what it came to be on this device.
        settings.model.dtype = Some(run.decoder.dtype().into());
        Ok(Self {
            plan,
            config,
            settings,
        })
    }
}
