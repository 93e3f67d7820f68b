//! How a run begins, from a checkpoint where there is one, and how it ends.

use burn::module::Module;

use super::{Callback, Running, Trained, Trainer};
use crate::folder::Store;
use crate::guard::Watch;
use crate::pass::failed;
use crate::replica::Team;
use crate::{AdamW, TrainError, TrainerEvent, params};

impl<M: Module> Trainer<'_, M> {
    /// The state before the first step, or that of the checkpoint to resume.
    pub(super) fn start(&self, mut module: M, team: Team) -> Result<Running<M>, TrainError> {
        if params::shapes(&module).is_empty() {
            return Err(TrainError::nothing_to_train());
        }
        let mut optimizer = AdamW::new(self.config);
        let mut average = self.average_rate.map(|_| module.clone());
        let (mut store, mut watch, mut done) = (None, Watch::default(), 0);
        if let Some(folder) = self.folder {
            let (opened, checkpoint) = Store::open(folder, self.config, self.rows)?;
            if let Some(mut checkpoint) = checkpoint {
                average = opened.restore_average(average, &mut checkpoint)?;
                module = opened.restore(module, &mut checkpoint)?;
                if let Some(device) = module.devices().first() {
                    optimizer.restore(checkpoint.optimizer, device);
                }
                done = checkpoint.state.step;
                watch = opened.watch(checkpoint.state.seen)?;
            }
            store = Some(opened);
        }
        if let Some(made) = self.step_rows {
            made.resume(done).map_err(failed(done))?;
        }
        Ok(Running {
            module,
            team,
            average,
            optimizer,
            store,
            watch,
            done,
        })
    }

    /// The last checkpoint, and what the run gives.
    pub(super) fn end(
        &self,
        mut running: Running<M>,
        steps: usize,
        on_event: &mut Callback<'_>,
    ) -> Result<Trained<M>, TrainError> {
        let _ = running.save(on_event)?;
        if let Some(store) = &mut running.store {
            store.sync()?;
        }
        let done = running.done;
        let finished = done == steps || running.watch.seen.is_over(self.config);
        if finished {
            let _ = on_event(TrainerEvent::Done { steps: done });
        }
        let best = running.watch.seen.best();
        let module = if finished {
            running.watch.restore(running.module)
        } else {
            running.module
        };
        Ok(Trained {
            module,
            steps: done,
            finished,
            best,
        })
    }
}
