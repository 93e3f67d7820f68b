//! A whole on-policy self-distillation from settings alone.

use idiolect_lm::on_threads;

use super::{OnPolicy, OnPolicySettings};
use crate::job::{measured, planned};
use crate::{FineTune, FineTuneError, Hooks, MemoryPlan, TrainOutcome};

/// Opens the model, reads the data, distils, measures forgetting where that is asked for, and leaves everything in the
/// run directory.
///
/// # Errors
///
/// Those of [`OnPolicy::start`]; [`FineTuneError::Setting`] for no model, no data or no run directory;
/// [`FineTuneError::Forgetting`] for what cannot be measured, and, when all is written, for more forgetting than the
/// limit allows.
pub fn distill_online(
    settings: &OnPolicySettings,
    hooks: Hooks<'_>,
) -> Result<TrainOutcome, FineTuneError> {
    settings.teaching.check()?;
    measured(&settings.run, hooks, |run| {
        Ok(TrainOutcome::Adapter(of(settings, run).start()?))
    })
}

/// What a run of these settings needs; nothing is written.
///
/// # Errors
///
/// As for [`distill_online`], without what only training can refuse.
pub fn plan_online(settings: &OnPolicySettings) -> Result<MemoryPlan, FineTuneError> {
    on_threads(settings.run.model.threads, || {
        of(settings, planned(&settings.run)?).plan()
    })
}

fn of<'a>(settings: &OnPolicySettings, run: FineTune<'a>) -> OnPolicy<'a> {
    let run = OnPolicy::new(run).teaching(settings.teaching.clone());
    run.generation(settings.generation())
}
