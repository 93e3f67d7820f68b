//! The whole job in one run directory: distil the data set, train one adapter on the original responses and one on
//! the distilled ones, answer held-out rows with the base model and both, and compare.
//!
//! Every stage keeps what it has done, so that another run of the same settings resumes behind it.

mod finding;
mod outcome;
mod stages;
mod table;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use idiolect_completion::{Progress, Quiet};
use idiolect_data::settings::{read_file, require, resolve};
use idiolect_data::{BadRows, DataSettings, Dataset, RunDir, RunSession};
use idiolect_embed::Embedder;
use idiolect_eval::ComparedModel;
use idiolect_finetune::{TrainingEvent, claim, with_vocabulary};
use idiolect_forgetting::BaseState;
use idiolect_lm::{LanguageModel, on_threads};
use idiolect_report::last_loss;

use crate::Error;
use crate::jobs::{SelfDistill, read_sample, refuse_tools, response_nlls, skip_bad_rows};
use crate::settings::{DistillJob, SdftSettings};

pub use outcome::Outcome;
use outcome::{Measure, shifts};
use stages::Stages;

/// The whole job.
///
/// ```no_run
/// # fn main() -> Result<(), idiolect::Error> {
/// let outcome = idiolect::Sdft::from_config("run.toml")?.start()?;
/// println!("{}", outcome.table());
/// # Ok(())
/// # }
/// ```
pub struct Sdft<'a> {
    settings: SdftSettings,
    progress: &'a dyn Progress,
    on_event: Box<Listener<'a>>,
    stop: Option<&'a AtomicBool>,
}

/// Told of each event of a training, with the name of the training.
type Listener<'a> = dyn FnMut(&str, TrainingEvent) + Send + 'a;

impl<'a> Sdft<'a> {
    /// The job of a flat TOML file.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] names the file and the line or key that is wrong.
    pub fn from_config(path: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(Self::new(resolve(&[read_file(path.as_ref())?])?))
    }

    /// The job of these settings; nobody hears how far it is.
    #[must_use]
    pub fn new(settings: SdftSettings) -> Self {
        Self {
            settings,
            progress: &Quiet,
            on_event: Box::new(|_, _| {}),
            stop: None,
        }
    }

    /// Who hears how far the stages are.
    #[must_use]
    pub fn progress(mut self, progress: &'a dyn Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Who hears of both trainings; the first argument is `plain` or `distilled`.
    #[must_use]
    pub fn on_event(mut self, hear: impl FnMut(&str, TrainingEvent) + Send + 'a) -> Self {
        self.on_event = Box::new(hear);
        self
    }

    /// Ends the job after the training step it is in once this is true; the same job then resumes from there.
    #[must_use]
    pub fn stop_when(mut self, stop: &'a AtomicBool) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Runs every stage that is not done, and writes `outcome.json` and the report.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a setting that is missing or out of range, and for a run directory of other
    /// settings; the errors of each stage.
    pub fn start(mut self) -> Result<Outcome, Error> {
        on_threads(self.settings.model.threads, || self.run())
    }

    fn run(&mut self) -> Result<Outcome, Error> {
        let settings = self.settings.clone();
        let missing = |name, what: &str| Error::setting(name, what, "nothing");
        if settings.finetune.full {
            let expected = "false: the job compares adapters of one model";
            return Err(Error::setting("full", expected, true));
        }
        if settings.finetune.lazy == Some(true) {
            let expected = "false: the job rewrites and compares rows that are in memory";
            return Err(Error::setting("lazy", expected, true));
        }
        require(&[
            ("model", !settings.model.model.is_empty()),
            ("data", !settings.data.data.is_empty()),
            ("eval_data", settings.finetune.eval_data.is_some()),
            ("out", settings.out.is_some()),
        ])?;
        let out = settings.out.clone();
        let out = RunDir::new(out.ok_or_else(|| missing("out", "a run directory"))?);
        let eval = settings.finetune.held_out(&settings.data);
        let eval = eval.ok_or_else(|| missing("eval_data", "held-out examples"))?;
        settings.check()?;
        let seed = settings.train.seed;
        let mut set = read_sample(&settings.data, seed)?;
        if settings.data.bad_rows == BadRows::Error {
            set.require_responses()?;
        }
        let eval = held_out(&eval, seed)?;
        let mut model = settings.model.clone();
        if let Some(first) = settings.finetune.devices.first() {
            model.device.clone_from(first);
        }
        let model = LanguageModel::load(&model, self.progress)?;
        let model = with_vocabulary(&model, &settings.finetune)?;
        claim(&out.root, &settings)?;
        let session = RunSession::begin(&out, &settings.model.device)?;
        if settings.data.bad_rows == BadRows::Skip {
            skip_bad_rows(
                &model,
                &settings.distill,
                &mut set,
                &out.root,
                self.progress,
            )?;
        }
        let stages = Stages {
            settings: &settings,
            out,
            model,
            eval,
            progress: self.progress,
        };
        // What a training would refuse of the rows is told before hours of rewriting.
        stages.training(&set).plan()?;
        let outcome = self.stages(&stages, &set)?;
        outcome.write(&stages.out)?;
        session.end()?;
        idiolect_report::write(&stages.out.root)?;
        outcome.hold(&settings.forgetting)?;
        Ok(outcome)
    }

    fn stages(&mut self, stages: &Stages<'_>, set: &Dataset) -> Result<Outcome, Error> {
        let Stages {
            settings,
            out,
            model,
            progress,
            ..
        } = stages;
        progress.note("1/4 rewriting the responses");
        let distilled = SelfDistill::of(model, set, settings.distillation())
            .run_dir(out.part(RunDir::DISTILL).root)
            .progress(*progress)
            .start()?;
        progress.note("2/4 how likely the base model finds the responses, before and after");
        let rows = &distilled.data.rows;
        let nlls = response_nlls(model, Some(&set.rows), rows, *progress)?;
        distilled.write_nll(nlls)?;
        let base = ComparedModel {
            model: "seed".into(),
            answers: stages.answers("seed", model)?,
            ..ComparedModel::default()
        };
        let itself = stages.base()?;
        progress.note("3/4 training on the original responses");
        let plain = self.side(stages, &itself, RunDir::PLAIN, set)?;
        progress.note("4/4 training on the rewritten responses");
        let own = self.side(stages, &itself, RunDir::DISTILLED, &distilled.data)?;
        let embedder = settings.embedder.as_deref();
        let embedder = embedder.map(|folder| Embedder::load(folder, &model.device()));
        let embedder = embedder.transpose()?;
        let measure = Measure {
            check: settings.distill.check,
            embedder: embedder.as_ref(),
            seed: settings.train.seed,
        };
        Ok(Outcome {
            comparison: measure.compare(&stages.eval, &mut [base, plain, own])?,
            summary: distilled.summary,
            target_nll: [nlls.before.unwrap_or(nlls.after), nlls.after],
            run_dir: out.root.clone(),
        })
    }

    /// Trains on the rows of `set`, unless that is done, and answers the held-out rows with the adapter.
    fn side(
        &mut self,
        stages: &Stages<'_>,
        itself: &BaseState,
        name: &str,
        set: &Dataset,
    ) -> Result<ComparedModel, Error> {
        let run = stages.out.part(name);
        let tuned = if run.adapter().join("adapter_config.json").is_file() {
            stages.model.load_adapter(&run.adapter())?
        } else {
            self.trained(stages, name, set)?
        };
        let (rows, file) = (&stages.eval.rows, run.forgetting());
        Ok(ComparedModel {
            model: name.to_owned(),
            answers: stages.answers(name, &tuned)?,
            shifts: tuned.lora().map(|adapter| shifts(adapter, &stages.model)),
            last_loss: last_loss(&run),
            embedding: None,
            further: itself.moved(&tuned, rows, &file, stages.progress)?,
        })
    }

    fn trained(
        &mut self,
        stages: &Stages<'_>,
        name: &str,
        set: &Dataset,
    ) -> Result<LanguageModel, Error> {
        let on_event = &mut self.on_event;
        let mut run = stages
            .training(set)
            .run_dir(stages.out.part(name).root)
            .resume(true)
            .on_event(|event| on_event(name, event));
        if let Some(stop) = self.stop {
            run = run.stop_when(stop);
        }
        run.start()?;
        // As its files have it, so that its identity is the same in a run that resumes behind it.
        Ok(stages
            .model
            .load_adapter(&stages.out.part(name).adapter())?)
    }
}

/// The held-out rows, each with a response and an id of its own.
fn held_out(data: &DataSettings, seed: u64) -> Result<Dataset, Error> {
    let set = read_sample(data, seed)?;
    set.require_responses()?;
    set.require_unique_ids()?;
    refuse_tools(&set)?;
    Ok(set)
}

impl SdftSettings {
    /// The part of them that the first stage takes.
    pub(crate) fn distillation(&self) -> DistillJob {
        DistillJob {
            model: self.model.clone(),
            data: self.data.clone(),
            distill: self.distill.clone(),
            generation: self.generation.clone(),
            seed: self.train.seed,
            ..DistillJob::default()
        }
    }
}
