//! The part of a run that changes from step to step, and its checkpoints.

use std::ops::ControlFlow;
use std::time::Instant;

use burn::module::Module;
use tracing::{info, info_span};

use crate::folder::Store;
use crate::guard::Watch;
use crate::replica::Team;
use crate::{AdamW, TrainError, TrainerEvent};

/// Hears of each event, and may end the run.
pub(super) type Callback<'a> = dyn FnMut(TrainerEvent<'_>) -> ControlFlow<()> + 'a;

/// The part of a run that changes.
pub(super) struct Running<M> {
    pub(super) module: M,
    pub(super) team: Team,
    pub(super) optimizer: AdamW,
    pub(super) store: Option<Store>,
    pub(super) watch: Watch,
    pub(super) done: usize,
}

impl<M: Module> Running<M> {
    /// Writes a checkpoint, if the settings keep any and this one is not there yet.
    pub(super) fn save(
        &mut self,
        on_event: &mut Callback<'_>,
    ) -> Result<ControlFlow<()>, TrainError> {
        let Some(store) = &mut self.store else {
            return Ok(ControlFlow::Continue(()));
        };
        let step = self.done;
        let (_span, began) = (info_span!("checkpoint", step).entered(), Instant::now());
        let seen = &self.watch.seen;
        let saved = store.save((step, seen), &self.module, &self.optimizer)?;
        Ok(match saved {
            Some(path) => {
                let seconds = began.elapsed().as_secs_f64();
                info!(path = %path.display(), seconds, "a checkpoint is written");
                on_event(TrainerEvent::Checkpoint { step, path: &path })
            }
            None => ControlFlow::Continue(()),
        })
    }
}
