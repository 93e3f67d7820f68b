//! Fine-tuning as one value: a model, its data and settings; started, it gives an adapter or a trained model.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use idiolect_data::{
    DataSettings, FileFormat, Format, FormatSetting, RowFormat, RunDir, SkippedRow,
};
use idiolect_lm::LanguageModel;
use idiolect_lm::device::{named, on_threads};
use idiolect_lora::LoraConfig;
use idiolect_train::TrainConfig;

use crate::rows::in_memory;
use crate::run::{AdapterRun, FullRun, Listener, RunOptions};
use crate::{
    FineTuneError, FineTuneSettings, FineTuned, Forecast, FullyFineTuned, MemoryPlan,
    TrainSettings, TrainingData, TrainingEvent,
};

/// A fine-tuning to be started: an adapter by [`FineTune::start`], every weight by [`FineTune::start_full`].
///
/// Nothing is written unless there is a [`FineTune::run_dir`]. The same run may be made any number of times in
/// one process.
pub struct FineTune<'a> {
    model: LanguageModel,
    data: TrainingData<'a>,
    held_out: Option<TrainingData<'a>>,
    skipped: Vec<SkippedRow>,
    settings: TrainSettings,
    resume: bool,
    stop: Option<&'a AtomicBool>,
    listener: Box<Listener<'a>>,
}

impl<'a> FineTune<'a> {
    /// A fine-tuning of a model on data, with default settings: an adapter of rank 8 on queries and values, two
    /// epochs, nothing written. An adapter that the model has on is taken off first; to train one further, see
    /// [`FineTuneSettings::init_adapter`].
    #[must_use]
    pub fn new(model: &LanguageModel, data: impl Into<TrainingData<'a>>) -> Self {
        Self::of(model.clone(), data)
    }

    /// As [`FineTune::new`], with the model given away: the weights that [`FineTune::start_full`] trains are
    /// then held once, where nobody else holds the model.
    #[must_use]
    pub fn of(model: LanguageModel, data: impl Into<TrainingData<'a>>) -> Self {
        let data = data.into();
        let settings = TrainSettings {
            model: model.settings().clone(),
            data: described(&data),
            ..TrainSettings::default()
        };
        Self {
            model,
            data,
            held_out: None,
            skipped: Vec::new(),
            settings,
            resume: false,
            stop: None,
            listener: Box::new(|_| {}),
        }
    }

    /// The shape of the adapter.
    #[must_use]
    pub fn lora(mut self, config: LoraConfig) -> Self {
        self.settings.lora = config;
        self
    }

    /// The loop: epochs, batch, learning rate, seed, checkpoints.
    #[must_use]
    pub fn config(mut self, config: TrainConfig) -> Self {
        self.settings.train = config;
        self
    }

    /// Loss, lengths, devices and what else a fine-tuning decides.
    #[must_use]
    pub fn settings(mut self, settings: FineTuneSettings) -> Self {
        self.settings.finetune = settings;
        self
    }

    /// What is evaluated and not trained on, instead of a share of the data; by default the file that
    /// [`FineTuneSettings::eval_data`] names.
    #[must_use]
    pub fn held_out(mut self, data: impl Into<TrainingData<'a>>) -> Self {
        self.held_out = Some(data.into());
        self
    }

    /// Rows that were left out when the data was read, to be told of and listed with those that the run leaves out.
    #[must_use]
    pub fn skipped(mut self, rows: Vec<SkippedRow>) -> Self {
        self.skipped = rows;
        self
    }

    /// All settings at once, as a file has them; those of model and data only say in `run.toml` what they were.
    #[must_use]
    pub(crate) fn all_settings(mut self, settings: TrainSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Where settings, plan, logs, checkpoints, curves and the result are written.
    #[must_use]
    pub fn run_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.out = Some(path.into());
        self
    }

    /// Whether to resume from the latest checkpoint of the run directory; without one the run begins anew. A run
    /// that does not resume refuses a directory with checkpoints. Default false.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Told of each step, evaluation and checkpoint; [`TrainingEvent`] shows itself as one line.
    #[must_use]
    pub fn on_event(mut self, listener: impl FnMut(TrainingEvent) + Send + 'a) -> Self {
        self.listener = Box::new(listener);
        self
    }

    /// Ends the run, with a checkpoint where there is a run directory, after the step in which this becomes
    /// true; another thread, or a signal, may set it.
    #[must_use]
    pub fn stop_when(mut self, stop: &'a AtomicBool) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Memory and work of the run, without a step of it.
    ///
    /// # Errors
    ///
    /// As for [`FineTune::start`], without what only training can refuse; and for a run that does not fit.
    pub fn plan(self) -> Result<MemoryPlan, FineTuneError> {
        Ok(self.forecast(0)?.plan)
    }

    /// Memory and work of the run, and its time by up to `timed` of its steps behind the first, which are made and
    /// forgotten; with 0 none is made. Nothing is written.
    ///
    /// # Errors
    ///
    /// As for [`FineTune::plan`], and those of training.
    pub fn forecast(self, timed: usize) -> Result<Forecast, FineTuneError> {
        on_threads(self.settings.model.threads, || {
            let (options, mut listener) = self.into_options()?;
            if options.settings.finetune.full {
                FullRun::new(options)?.forecast(timed, &mut *listener)
            } else {
                AdapterRun::new(&options)?.forecast(timed, &mut *listener)
            }
        })
    }

    /// Trains an adapter to the end of the run.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] for settings out of range, that do not go together, or of a run that does not
    /// fit into memory, and for a device whose gradients are wrong; [`FineTuneError::Lm`] for rows that cannot
    /// be rendered or are too long; [`FineTuneError::Train`] for what ends the loop;
    /// [`FineTuneError::Stopped`] where the run was asked to stop; [`FineTuneError::Io`] and
    /// [`FineTuneError::Report`] from the run directory.
    pub fn start(self) -> Result<FineTuned, FineTuneError> {
        if self.settings.finetune.full {
            let expected = "false, or a full run (start_full)";
            return Err(FineTuneError::setting("full", expected, "true"));
        }
        on_threads(self.settings.model.threads, || {
            let (options, mut listener) = self.into_options()?;
            options.check_job::<TrainSettings>()?;
            AdapterRun::new(&options)?.train(&mut *listener)
        })
    }

    /// Trains every weight of the model to the end of the run, as [`FineTuneSettings::full`] asks for; the
    /// Hugging Face folder `model/` of the run directory is the result.
    ///
    /// # Errors
    ///
    /// As for [`FineTune::start`]; [`FineTuneError::Setting`] for settings of an adapter or of several devices,
    /// and for weights that are not in f32.
    pub fn start_full(mut self) -> Result<FullyFineTuned, FineTuneError> {
        self.settings.finetune.full = true;
        on_threads(self.settings.model.threads, || {
            let (options, mut listener) = self.into_options()?;
            options.check_job::<TrainSettings>()?;
            FullRun::new(options)?.train(&mut *listener)
        })
    }

    /// The examples that the settings name to be evaluated; those that cannot be used are skipped where that is asked for.
    fn eval_data(&mut self) -> Result<Option<TrainingData<'a>>, FineTuneError> {
        let settings = &self.settings;
        let Some(data) = settings.finetune.held_out(&settings.data) else {
            return Ok(None);
        };
        let seed = settings.train.seed;
        Ok(Some(in_memory(&data, seed, &mut self.skipped)?))
    }

    /// Threads of the CPU that are asked for.
    pub(crate) fn threads(&self) -> Option<usize> {
        self.settings.model.threads
    }

    /// Everything checked that can be before the first row is read.
    pub(crate) fn into_options(
        mut self,
    ) -> Result<(RunOptions<'a>, Box<Listener<'a>>), FineTuneError> {
        self.settings.check_run()?;
        self.settings.take_shape()?;
        if self.resume {
            self.settings.keep_batch()?;
        }
        if let Some(first) = self.settings.finetune.devices.first()
            && named(first)? != self.model.device()
        {
            let expected = "the model's own device first";
            return Err(FineTuneError::setting("devices", expected, first));
        }
        let config = self.settings.finetune.loop_config(&self.settings.train)?;
        let held_out = match self.held_out.take() {
            Some(given) => Some(given),
            None => self.eval_data()?,
        };
        self.settings.finetune.check_one_way(held_out.is_some())?;
        let options = RunOptions {
            model: self.model,
            data: self.data,
            held_out,
            skipped: self.skipped,
            run: self.settings.out.clone().map(RunDir::new),
            settings: self.settings,
            config,
            resume: self.resume,
            stop: self.stop,
        };
        Ok((options, self.listener))
    }
}

impl fmt::Debug for FineTune<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FineTune")
            .field("model", &self.model)
            .field("settings", &self.settings)
            .field("resume", &self.resume)
            .finish_non_exhaustive()
    }
}

/// What `run.toml` says of data that is given as a value.
fn described(data: &TrainingData<'_>) -> DataSettings {
    let mut settings = DataSettings::default();
    match data {
        TrainingData::Set(set) => {
            settings.data = vec![set.path.clone()];
            settings.format = named_format(&set.format);
        }
        TrainingData::Lazy(rows) => {
            settings.data = vec![rows.index.path().to_owned()];
            settings.format = match &rows.format {
                FileFormat::Examples(format) => named_format(format),
                FileFormat::Tokens => FormatSetting::Tokens,
                _ => FormatSetting::Auto,
            };
            settings.sample = rows.sample;
        }
        _ => {}
    }
    settings
}

/// A format by its name; of one that a program made, only that it is to be found.
fn named_format(format: &RowFormat) -> FormatSetting {
    let built_in = Format::ALL.into_iter();
    let mut built_in = built_in.filter(|own| RowFormat::from(*own) == *format);
    built_in.next().map_or(FormatSetting::Auto, Into::into)
}
