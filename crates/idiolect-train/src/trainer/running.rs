//! The part of a run that changes from step to step, and its checkpoints.

use std::ops::ControlFlow;
use std::time::Instant;

use burn::module::Module;
use tracing::{info, info_span};

use crate::folder::Store;
use crate::guard::Watch;
use crate::params::averaged;
use crate::replica::Team;
use crate::{AdamW, TrainError, TrainerEvent};

/// Hears of each event, and may end the run.
pub(super) type Callback<'a> = dyn FnMut(TrainerEvent<'_>) -> ControlFlow<()> + 'a;

/// The part of a run that changes.
pub(super) struct Running<M> {
    pub(super) module: M,
    pub(super) team: Team,
    pub(super) average: Option<M>,
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
        let (step, modules) = (self.done, (&self.module, self.average.as_ref()));
        let (_span, began) = (info_span!("checkpoint", step).entered(), Instant::now());
        let saved = store.save((step, &self.watch.seen), modules, &self.optimizer)?;
        Ok(match saved {
            Some(path) => {
                let seconds = began.elapsed().as_secs_f64();
                info!(path = %path.display(), seconds, "a checkpoint is written");
                on_event(TrainerEvent::Checkpoint { step, path: &path })
            }
            None => ControlFlow::Continue(()),
        })
    }

    /// Moves the average, where there is one, towards what a step made of the module.
    pub(super) fn average(&mut self, module: &M, rate: Option<f64>) {
        if let (Some(average), Some(rate)) = (self.average.take(), rate) {
            self.average = Some(averaged(average, module, rate));
        }
    }
}
