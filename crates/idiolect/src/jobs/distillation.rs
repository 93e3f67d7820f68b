//! Self-distillation of a data set by a model: rewrite, check, and say how likely the model finds the result.

use std::path::PathBuf;
use std::sync::Arc;

use idiolect_completion::{LogprobHead, Progress, Quiet, Writer, earlier_costs, sum_costs};
use idiolect_data::{BadRows, Dataset, Id, RunDir, settings::RecordedRun};
use idiolect_distill::{
    DistillConfig, DistillFiles, DistillReport, DistillSettings, Distilled, RewriteCheck, Shard,
    distill_into, merge_into,
};
use idiolect_generate::GenerationSettings;
use idiolect_lm::{LanguageModel, LocalWriter, on_threads};

use super::bad_rows::skip_bad_rows;
use super::rewritten::Rewritten;
use super::rows::read_sample;
use crate::Error;
use crate::settings::DistillJob;

/// A data set rewritten by the model that will be trained on it.
///
/// ```no_run
/// # fn main() -> Result<(), idiolect::Error> {
/// use idiolect::{Check, Dataset, LanguageModel, SelfDistill};
///
/// let model = LanguageModel::open("models/SmolLM2-135M-Instruct.Q4_1.gguf")?;
/// let data = Dataset::open("train.jsonl")?;
/// let distilled = SelfDistill::new(&model, &data)
///     .check(Check::Math)
///     .run_dir("runs/distilled")
///     .start()?;
/// println!("{} of {} replaced", distilled.summary.replaced, distilled.summary.rows);
/// # Ok(())
/// # }
/// ```
pub struct SelfDistill<'a> {
    model: &'a LanguageModel,
    data: &'a Dataset,
    settings: DistillSettings,
    generation: GenerationSettings,
    check: Option<Arc<dyn RewriteCheck>>,
    logprobs: usize,
    shard: Shard,
    seed: u64,
    run_dir: Option<PathBuf>,
    progress: &'a dyn Progress,
}

impl<'a> SelfDistill<'a> {
    /// The paper's settings for free text: template `using`, no task check, greedy, at most 256 tokens.
    #[must_use]
    pub fn new(model: &'a LanguageModel, data: &'a Dataset) -> Self {
        Self {
            model,
            data,
            settings: DistillSettings::default(),
            generation: GenerationSettings::default(),
            check: None,
            logprobs: 0,
            shard: Shard::WHOLE,
            seed: 42,
            run_dir: None,
            progress: &Quiet,
        }
    }

    /// The distillation that a job's settings describe, of a model and data that are open.
    pub(crate) fn of(model: &'a LanguageModel, data: &'a Dataset, job: DistillJob) -> Self {
        Self {
            settings: job.distill,
            generation: job.generation,
            logprobs: job.logprobs.unwrap_or(0),
            seed: job.seed,
            ..Self::new(model, data)
        }
    }

    /// What a rewrite must pass beside the banned phrases: a [`Check`](crate::Check), or a check of one's own.
    #[must_use]
    pub fn check(mut self, check: impl Into<Arc<dyn RewriteCheck>>) -> Self {
        self.check = Some(check.into());
        self
    }

    /// Template, verdicts and share of the rows.
    #[must_use]
    pub fn settings(mut self, settings: DistillSettings) -> Self {
        self.settings = settings;
        self
    }

    /// How text is generated.
    #[must_use]
    pub fn generation(mut self, generation: GenerationSettings) -> Self {
        self.generation = generation;
        self
    }

    /// Records the `count` likeliest tokens at each token of a rewrite beside the journal, for a training with
    /// [`Loss::StoredKl`](idiolect_finetune::Loss::StoredKl); 0, the default, records none.
    #[must_use]
    pub fn logprobs(mut self, count: usize) -> Self {
        self.logprobs = count;
        self
    }

    /// One part of the rows, for several machines.
    #[must_use]
    pub fn shard(mut self, shard: Shard) -> Self {
        self.shard = shard;
        self
    }

    /// Seed of the mix and of the draws.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Folder of journal, data set and summary; a run that was interrupted resumes there. It must be given.
    #[must_use]
    pub fn run_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.run_dir = Some(path.into());
        self
    }

    /// Who hears how far it is.
    #[must_use]
    pub fn progress(mut self, progress: &'a dyn Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Rewrites the responses and writes journal, data set and summary.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] without a run directory; [`Error::Distill`] for what the data, the journal of another
    /// run or the model refuse; [`Error::Lm`] for settings of the generation out of range.
    pub fn start(self) -> Result<Rewritten, Error> {
        let run_dir = self.folder()?;
        let (config, mut writer) = (self.config()?, self.writer()?);
        let files = DistillFiles::new(&run_dir, self.shard);
        let before = earlier_costs(&files.summary(), &["spent"])?;
        let Distilled { set, summary, .. } =
            distill_into(self.data, &config, self.shard, &mut writer, &run_dir)?;
        writer.tell();
        let spent = sum_costs(&before, writer.costs());
        let rewritten = Rewritten {
            data: set,
            summary,
            files: files.clone(),
            is_unaided: config.is_unaided(),
            spent,
        };
        rewritten.report(None).write(&files.summary())?;
        Ok(rewritten)
    }

    /// Joins the journals of several shards, and rewrites as [`start`](Self::start) does.
    fn join(self, from: &[PathBuf]) -> Result<Rewritten, Error> {
        let (run_dir, config) = (self.folder()?, self.config()?);
        let identity = self.writer()?.identity();
        let report = merge_into(self.data, &config, &identity, from, &run_dir)?;
        if let Some(remark) = report.remark() {
            self.progress.note(&remark);
        }
        self.start()
    }

    fn folder(&self) -> Result<PathBuf, Error> {
        self.run_dir.clone().ok_or_else(no_folder)
    }

    fn config(&self) -> Result<DistillConfig, Error> {
        let mut config = self.settings.config(self.model.template(), self.seed)?;
        if let Some(check) = &self.check {
            config.check = Arc::clone(check);
        }
        if self.logprobs > 0 {
            config.logprobs = Some(LogprobHead {
                count: self.writer()?.logprob_count(),
                vocabulary: self.model.vocabulary_hash(),
            });
        }
        Ok(config)
    }

    fn writer(&self) -> Result<LocalWriter<'a>, Error> {
        let writer = self.model.writer(&self.generation)?;
        let stops = self.settings.stops(self.model.template());
        let stops: Vec<&str> = stops.iter().map(String::as_str).collect();
        Ok(writer
            .extra_stops(&stops)
            .reasoning(self.settings.reasoning)
            .logprobs(self.logprobs)
            .progress("rewrite", self.progress))
    }
}

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
        let distill = SelfDistill::of(&model, &set, job.clone());
        let distill = distill.shard(shard.unwrap_or(Shard::WHOLE)).run_dir(out);
        let rewritten = then(distill.progress(progress))?;
        let scored = job
            .likelihood
            .then(|| rewritten.score(&model, &set, progress));
        let scored = scored.transpose()?;
        recorded.end()?;
        Ok(scored.unwrap_or_else(|| rewritten.report(None)))
    })
}

fn no_folder() -> Error {
    Error::setting("out", "a folder", "nothing")
}
