//! Documents cut in two and continued by a teacher, with a judge where filters ask one.

use idiolect_completion::{Progress, Writer, earlier_costs, sum_costs};
use idiolect_continuation::{
    ContinuationConfig, ContinuationSummary, ContinuationWriters, Target, continue_corpus as run,
};
use idiolect_data::RunDir;
use idiolect_data::settings::RecordedRun;
use idiolect_generate::GenerationSettings;
use idiolect_lm::{LmError, ModelSettings, on_threads};
use serde_json::Value;

use super::writers::{AnyWriter, Writers};
use crate::Error;
use crate::settings::ContinueJob;

/// Halves the documents of a corpus, has them continued, and leaves journals, training rows and a summary in the
/// job's folder.
///
/// # Errors
///
/// [`Error::Setting`] for a setting that is missing; [`Error::Continuation`] for settings, corpus, journals and
/// texts, and where a teacher wrote not one; the errors of opening a teacher.
pub fn continue_text(
    job: &ContinueJob,
    progress: &dyn Progress,
) -> Result<ContinuationSummary, Error> {
    let out = job.out.as_deref();
    let out = out.ok_or_else(|| Error::setting("out", "a folder", "nothing"))?;
    on_threads(job.threads, || {
        let file = RunDir::new(out).summary();
        let before = earlier_costs(&file, &["spent"])?;
        let corpus = job.continuation.corpus()?;
        let config = job.continuation.config(job.seed)?;
        job.continuation.validate()?;
        job.generation.check().map_err(LmError::from)?;
        let recorded = RecordedRun::begin(&RunDir::new(out), job, &job.device)?;
        let mut teacher = teacher(job, &config, progress)?;
        let mut judge = judge(job, &config, progress)?;
        let writers = ContinuationWriters {
            teacher: teacher.as_mut().map(|teacher| teacher as &mut dyn Writer),
            judge: judge.as_mut().map(|judge| judge as &mut dyn Writer),
        };
        let done = run(&corpus, &config, writers, out);
        for writer in [&teacher, &judge].into_iter().flatten() {
            writer.tell();
        }
        let mut summary = done?.summary;
        for (name, writer) in [("teacher", &teacher), ("judge", &judge)] {
            let before = before.get(name).unwrap_or(&Value::Null);
            let spent = sum_costs(before, writer.as_ref().and_then(AnyWriter::spent));
            summary
                .spent
                .extend(spent.map(|spent| (name.to_owned(), spent)));
        }
        if !summary.spent.is_empty() {
            summary.write(&file)?;
        }
        if let Some(remark) = summary.remark() {
            progress.note(&remark);
        }
        recorded.end()?;
        summary.check_texts(teacher.as_ref().and_then(AnyWriter::advice))?;
        Ok(summary)
    })
}

/// The teacher, where one is asked: for the texts, or as the judge of original ones.
fn teacher<'a>(
    job: &ContinueJob,
    config: &ContinuationConfig,
    progress: &'a dyn Progress,
) -> Result<Option<AnyWriter<'a>>, Error> {
    let judges = is_judged(config) && job.continuation.judge.is_none();
    if config.target != Target::Teacher && !judges {
        return Ok(None);
    }
    let missing = || Error::setting("teacher", "local:MODEL or openai:URL", "nothing");
    let address = job.continuation.teacher.as_ref().ok_or_else(missing)?;
    let writers = writers(job, job.generation.clone(), progress);
    let adapter = job.continuation.adapter.as_deref();
    writers.open(address, adapter).map(Some)
}

fn judge<'a>(
    job: &ContinueJob,
    config: &ContinuationConfig,
    progress: &'a dyn Progress,
) -> Result<Option<AnyWriter<'a>>, Error> {
    let own = job.continuation.judge.as_ref();
    let Some(address) = own.filter(|_| is_judged(config)) else {
        return Ok(None);
    };
    let short = job.continuation.judge_generation(&job.generation);
    let mut writers = writers(job, short, progress);
    writers
        .server
        .server_model
        .clone_from(&job.continuation.judge_model);
    writers.open(address, None).map(Some)
}

fn is_judged(config: &ContinuationConfig) -> bool {
    config.filters.instructional || config.filters.conversational
}

fn writers<'a>(
    job: &ContinueJob,
    generation: GenerationSettings,
    progress: &'a dyn Progress,
) -> Writers<'a> {
    Writers {
        model: ModelSettings {
            device: job.device.clone(),
            dtype: job.dtype,
            threads: job.threads,
            template: job.template.clone(),
            ..ModelSettings::default()
        },
        server: job.server.clone(),
        generation,
        reasoning: job.continuation.reasoning,
        seed: job.seed,
        stage: "continue",
        progress,
    }
}
