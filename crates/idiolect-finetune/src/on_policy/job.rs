//! A whole on-policy self-distillation from settings alone.

use idiolect_completion::Quiet;
use idiolect_lm::on_threads;

use super::{OnPolicy, OnPolicySettings, Reward};
use crate::job::{measured, planned};
use crate::{FineTune, FineTuneError, Hooks, MemoryPlan, TrainOutcome};

/// Opens the model, reads the data, distils, measures forgetting where that is asked for, and leaves everything in the
/// run directory. `reward` judges answers where [`crate::GroupSettings::reward`] names what does.
///
/// # Errors
///
/// Those of [`OnPolicy::start`]; [`FineTuneError::Setting`] for no model, no data or no run directory;
/// [`FineTuneError::Forgetting`] for what cannot be measured, and, when all is written, for more forgetting than the
/// limit allows.
pub fn distill_online(
    settings: &OnPolicySettings,
    reward: Option<Box<dyn Reward + Send + '_>>,
    hooks: Hooks<'_>,
) -> Result<TrainOutcome, FineTuneError> {
    check_named(settings)?;
    measured(&settings.run, hooks, |run| {
        let run = OnPolicy {
            reward,
            ..of(settings, run)
        };
        Ok(TrainOutcome::Adapter(run.start()?))
    })
}

/// What a run of these settings needs; nothing is written.
///
/// # Errors
///
/// As for [`distill_online`], without what only training can refuse.
pub fn plan_online(settings: &OnPolicySettings) -> Result<MemoryPlan, FineTuneError> {
    on_threads(settings.run.model.threads, || {
        of(settings, planned(&settings.run, &Quiet)?).plan()
    })
}

/// Refuses settings before the model is opened, where there is one to be opened.
fn check_named(settings: &OnPolicySettings) -> Result<(), FineTuneError> {
    // Without a model or data those are named first, together.
    if settings.run.model.model.is_empty() || settings.run.data.data.is_empty() {
        return Ok(());
    }
    settings.check()
}

fn of<'a>(settings: &OnPolicySettings, run: FineTune<'a>) -> OnPolicy<'a> {
    let run = OnPolicy::new(run).teaching(settings.teaching.clone());
    run.generation(settings.generation())
}
