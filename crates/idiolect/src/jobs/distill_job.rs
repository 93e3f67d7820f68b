//! A distillation from settings alone: the model opened, the data read, its responses rewritten and scored.

use std::path::PathBuf;

use idiolect_completion::{Progress, Quiet};
use idiolect_data::{BadRows, Id, RunDir, settings::RecordedRun};
use idiolect_distill::{DistillReport, Shard};
use idiolect_lm::{LanguageModel, on_threads};

use super::bad_rows::skip_bad_rows;
use super::distillation::{SelfDistill, no_folder};
use super::rewritten::Rewritten;
use super::rows::read_sample;
use crate::Error;
use crate::settings::DistillJob;

/// Rewrites the responses of a data set as the settings say; what `summary.json` holds.
///
/// # Errors
///
/// Those of settings, data, model and generation.
#[allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is of one lifetime, the closure of any"
)]
pub fn distill(job: &DistillJob, progress: &dyn Progress) -> Result<DistillReport, Error> {
    run(job, progress, |distill| distill.start())
}

/// The prompts that would ask for the first `count` rewrites of a job, with the ids of their rows.
///
/// # Errors
///
/// Those of settings, data and model.
pub fn rewrite_prompts(job: &DistillJob, count: usize) -> Result<Vec<(Id, String)>, Error> {
    let set = read_sample(&job.data, job.seed)?;
    let model = LanguageModel::load(&job.model, &Quiet)?;
    let config = job.distill.config(model.template(), job.seed)?;
    Ok(config.prompts(&set, count)?)
}

/// Joins the journals of several machines into the data set that one would have made.
///
/// # Errors
///
/// As [`distill`]; [`Error::Distill`] for the journal of another run, and where rows are missing.
pub fn merge_shards(
    job: &DistillJob,
    from: &[PathBuf],
    progress: &dyn Progress,
) -> Result<DistillReport, Error> {
    if let Some(shard) = &job.shard {
        let expected = "none, for all parts are merged";
        return Err(Error::setting("shard", expected, shard));
    }
    run(job, progress, |distill| distill.join(from))
}

/// For a teacher that would have nothing to teach the model that it is.
const OWN_TEACHER: &str = "these distributions teach another model of the same vocabulary: to this one they say what \
                           it does already (adapter or server gives another teacher)";

fn run(
    job: &DistillJob,
    progress: &dyn Progress,
    then: impl FnOnce(SelfDistill<'_>) -> Result<Rewritten, Error> + Send,
) -> Result<DistillReport, Error> {
    on_threads(job.model.threads, || {
        job.require()?;
        let out = job.out.clone().ok_or_else(no_folder)?;
        let shard = job.shard.as_deref().map(str::parse).transpose()?;
        job.check()?;
        let mut set = read_sample(&job.data, job.seed)?;
        let model = LanguageModel::load(&job.model, progress)?;
        let model = model.load_optional_adapter(job.adapter.as_deref())?;
        if job.data.bad_rows == BadRows::Skip {
            skip_bad_rows(&model, &job.distill, &mut set, &out, progress)?;
        }
        let recorded = RecordedRun::begin(&RunDir::new(&out), job, &job.model.device)?;
        if job.keep_responses && job.adapter.is_none() && job.server.is_none() {
            progress.note(OWN_TEACHER);
        }
        let distill = SelfDistill::of(&model, &set, job.clone());
        let distill = distill.shard(shard.unwrap_or(Shard::WHOLE)).run_dir(out);
        let rewritten = then(distill.progress(progress))?;
        // Responses that stay have the same likelihood before and after.
        let scored = (job.likelihood && !job.keep_responses)
            .then(|| rewritten.score(&model, &set, progress));
        let scored = scored.transpose()?;
        recorded.end()?;
        Ok(scored.unwrap_or_else(|| rewritten.report(None)))
    })
}
