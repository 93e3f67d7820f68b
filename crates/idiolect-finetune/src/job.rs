//! Whole jobs from settings alone: the model opened, the data read, the run made or planned.

use std::sync::atomic::AtomicBool;

use idiolect_completion::{Progress, Quiet};
use idiolect_data::settings::require;
use idiolect_data::{RunDir, SkippedRow};
use idiolect_forgetting::{BaseAnswers, ForgettingPlace};
use idiolect_lm::LanguageModel;
use idiolect_lm::device::on_threads;

use crate::rows::in_memory;
use crate::run::require_one_run;
use crate::{
    FineTune, FineTuneError, FineTuned, Forecast, FullyFineTuned, LazyRows, MemoryPlan,
    TrainReport, TrainSettings, TrainingData, TrainingEvent,
};

/// What a caller has to do with a run beside its settings; by default nothing.
pub struct Hooks<'a> {
    /// Whether to resume from the latest checkpoint of the run directory.
    pub resume: bool,
    /// Ends the run, with a checkpoint, after the step in which this becomes true.
    pub stop: Option<&'a AtomicBool>,
    /// Told of each event.
    pub on_event: Box<dyn FnMut(TrainingEvent) + Send + 'a>,
    /// Told how far a download of the model is, and the measurement of forgetting.
    pub progress: &'a (dyn Progress + Sync),
}

impl Default for Hooks<'_> {
    fn default() -> Self {
        Self {
            resume: false,
            stop: None,
            on_event: Box::new(|_| {}),
            progress: &Quiet,
        }
    }
}

/// What a run of settings gives.
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "there is one of it a run")]
pub enum TrainOutcome {
    /// A trained adapter.
    Adapter(FineTuned),
    /// A model of which every weight was trained.
    Full(FullyFineTuned),
}

/// Opens the model, reads the data, trains, measures forgetting where that is asked for, and leaves everything in the
/// run directory.
///
/// # Errors
///
/// Those of [`FineTune::start`] and [`FineTune::start_full`]; [`FineTuneError::Setting`] for no model, no data or
/// no run directory; [`FineTuneError::Forgetting`] for what cannot be measured, and, when all is written, for more
/// forgetting than the limit allows.
pub fn train(settings: &TrainSettings, hooks: Hooks<'_>) -> Result<TrainOutcome, FineTuneError> {
    measured(settings, hooks, |run| {
        Ok(if settings.finetune.full {
            TrainOutcome::Full(run.start_full()?)
        } else {
            TrainOutcome::Adapter(run.start()?)
        })
    })
}

/// Opens the model, reads the data, lets `start` train, and measures forgetting where that is asked for.
///
/// # Errors
///
/// As for [`train`], and those of `start`.
pub(crate) fn measured(
    settings: &TrainSettings,
    hooks: Hooks<'_>,
    start: impl FnOnce(FineTune<'_>) -> Result<TrainOutcome, FineTuneError> + Send,
) -> Result<TrainOutcome, FineTuneError> {
    require(&[
        ("model", !settings.model.model.is_empty()),
        ("data", !settings.data.data.is_empty()),
        ("out", settings.out.is_some()),
    ])?;
    let Some(out) = settings.out.as_ref().map(RunDir::new) else {
        return Err(FineTuneError::setting("out", "a run directory", "nothing"));
    };
    let Hooks {
        resume,
        stop,
        mut on_event,
        progress,
    } = hooks;
    if resume && !out.checkpoints().is_dir() {
        require_one_run(&out)?;
        let path = out.checkpoints();
        on_event(TrainingEvent::NothingToResume { path });
    }
    on_threads(settings.model.threads, || {
        let model = model(settings, progress)?;
        let rows = Rows::read(settings)?;
        let base = base_answers(settings, &model, &out, progress)?;
        let mut run = rows.run(settings, model).resume(resume).on_event(on_event);
        if let Some(stop) = stop {
            run = run.stop_when(stop);
        }
        let mut outcome = start(run)?;
        if let Some(base) = base {
            let found = base.measure(outcome.model(), progress)?;
            found.write(&out.forgetting())?;
            settings.forgetting.hold(found.rise.mean)?;
            outcome.report_mut().forgetting = Some(found);
        }
        Ok(outcome)
    })
}

/// What the base model says of itself, before it is trained: where every weight is, it is gone afterwards.
fn base_answers(
    settings: &TrainSettings,
    model: &LanguageModel,
    out: &RunDir,
    progress: &dyn Progress,
) -> Result<Option<BaseAnswers>, FineTuneError> {
    if settings.forgetting.prompts(0) == 0 {
        return Ok(None);
    }
    let place = ForgettingPlace::of_run(out);
    let base = BaseAnswers::draw(model, &settings.forgetting, &place, progress)?;
    Ok(Some(base))
}

impl TrainOutcome {
    /// The tuned model.
    #[must_use]
    pub fn model(&self) -> &LanguageModel {
        match self {
            Self::Adapter(tuned) => &tuned.model,
            Self::Full(tuned) => &tuned.model,
        }
    }

    /// What the run computed.
    #[must_use]
    pub fn report(&self) -> &TrainReport {
        match self {
            Self::Adapter(tuned) => &tuned.report,
            Self::Full(tuned) => &tuned.report,
        }
    }

    fn report_mut(&mut self) -> &mut TrainReport {
        match self {
            Self::Adapter(tuned) => &mut tuned.report,
            Self::Full(tuned) => &mut tuned.report,
        }
    }
}

/// What a run of these settings needs; nothing is written.
///
/// # Errors
///
/// As for [`train`], without what only training can refuse; and for a run that does not fit into memory.
pub fn plan(settings: &TrainSettings) -> Result<MemoryPlan, FineTuneError> {
    Ok(forecast(settings, 0, &Quiet)?.plan)
}

/// What a run of these settings needs, and how long it takes by up to `timed` of its steps behind the first, which are
/// made and forgotten; nothing is written.
///
/// # Errors
///
/// As for [`plan`], and those of training.
pub fn forecast(
    settings: &TrainSettings,
    timed: usize,
    progress: &dyn Progress,
) -> Result<Forecast, FineTuneError> {
    on_threads(settings.model.threads, || {
        planned(settings, progress)?.forecast(timed)
    })
}

/// A run of these settings that is not to be followed.
///
/// # Errors
///
/// Those of opening the model and reading the data.
pub(crate) fn planned<'a>(
    settings: &'a TrainSettings,
    progress: &dyn Progress,
) -> Result<FineTune<'a>, FineTuneError> {
    let model = model(settings, progress)?;
    Ok(Rows::read(settings)?.run(settings, model))
}

/// The model of settings that were checked.
fn model(
    settings: &TrainSettings,
    progress: &dyn Progress,
) -> Result<LanguageModel, FineTuneError> {
    settings.check()?;
    settings.data.check()?;
    Ok(LanguageModel::load(&settings.first_device()?, progress)?)
}

/// The rows of a run.
struct Rows<'a> {
    data: TrainingData<'a>,
    skipped: Vec<SkippedRow>,
}

impl<'a> Rows<'a> {
    fn read(settings: &TrainSettings) -> Result<Self, FineTuneError> {
        let mut skipped = Vec::new();
        let data = data(settings, &mut skipped)?;
        Ok(Self { data, skipped })
    }

    fn run(self, settings: &TrainSettings, model: LanguageModel) -> FineTune<'a> {
        let run = FineTune::of(model, self.data).skipped(self.skipped);
        run.all_settings(settings.clone())
    }
}

/// The rows that the settings name; those that cannot be used go to `skipped`.
fn data<'a>(
    settings: &TrainSettings,
    skipped: &mut Vec<SkippedRow>,
) -> Result<TrainingData<'a>, FineTuneError> {
    let data = &settings.data;
    data.check()?;
    if is_lazy(settings)? {
        let path = data.only()?;
        let rows = LazyRows::open_as(path, data.file_format(path)?)?;
        return Ok(TrainingData::Lazy(LazyRows {
            sample: data.sample,
            ..rows
        }));
    }
    in_memory(data, settings.train.seed, skipped)
}

/// Size of a file, in bytes, above which its rows are not held in memory unless it is asked for: rows take
/// about ten times their text there.
const LARGE: u64 = 64 << 20;

/// Whether the data set of a run is to be read row by row: as it was asked for, else by its size.
fn is_lazy(settings: &TrainSettings) -> Result<bool, FineTuneError> {
    let data = &settings.data;
    if settings.finetune.lazy == Some(true) {
        return Ok(data.only().map(|_| true)?);
    }
    let [path] = data.data.as_slice() else {
        return Ok(false);
    };
    let is_lines = path.extension().is_some_and(|ending| ending == "jsonl");
    let bytes = || std::fs::metadata(path).map_or(0, |file| file.len());
    Ok(settings.finetune.lazy.is_none() && is_lines && bytes() > LARGE)
}
