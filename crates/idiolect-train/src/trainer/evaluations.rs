//! When the held-out rows of a run are evaluated, and who hears of it.

use std::ops::ControlFlow;

use burn::module::Module;

use super::{Callback, Running, Trainer};
use crate::{EvaluationRow, TrainError, TrainerEvent, Window};

impl<M: Module> Trainer<'_, M> {
    /// Evaluates the held-out rows, and tells of it.
    pub(super) fn evaluated(
        &self,
        running: &mut Running<M>,
        epoch: f64,
        on_event: &mut Callback<'_>,
    ) -> Result<(EvaluationRow, ControlFlow<()>), TrainError> {
        let row = self.pass().evaluate(&running.module, running.done, epoch)?;
        if let Some(store) = &mut running.store {
            store.log_evaluation(&row)?;
        }
        let flow = on_event(TrainerEvent::Evaluated(&row));
        Ok((row, flow))
    }

    /// Whether the held-out rows are evaluated before the first step.
    pub(super) fn is_evaluated_first(&self, done: usize) -> bool {
        self.config.eval_on_start && done == 0 && self.held_out.count() > 0
    }

    /// Whether the held-out rows are evaluated after this many steps.
    pub(super) fn is_evaluated(&self, done: usize, steps: usize, window: &Window) -> bool {
        let due = self.config.is_evaluation_due(done, window.ends_epoch);
        self.held_out.count() > 0 && (due || done == steps)
    }
}
