//! A configuration for a first training: a model and a file of examples in, a commented TOML file out that fits this
//! machine.
//!
//! Device, type of the weights and micro-batch come from what the machine has and from the plan of memory; the time an
//! epoch takes comes from a few steps that are made and forgotten. Learning rate, rank and epochs are the defaults:
//! nothing is tuned.

mod machine;
mod text;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use idiolect_completion::Progress;
use idiolect_data::DataSettings;
use idiolect_data::settings::require;
use idiolect_lm::{ModelSettings, check_place};
use idiolect_train::TrainConfig;

use crate::{FineTuneError, FineTuneSettings, Forecast, TrainSettings, forecast};

use machine::{Attempt, attempts, usual_device};

/// Learning rate of a run that trains every weight: the default is an adapter's.
const FULL_RATE: f64 = 1e-5;
/// Share of the examples that is held out, where there are enough.
const HELD_OUT: f64 = 0.1;

/// What a configuration is written for.
#[derive(Debug, Clone, PartialEq)]
pub struct InitSettings {
    /// Hugging Face folder, `.gguf` file, or name on the Hub.
    pub model: String,
    /// File of examples.
    pub data: PathBuf,
    /// Whether every weight is to be trained and not an adapter. Default false.
    pub full: bool,
    /// Where it is to compute. Default: the first GPU that this program knows and the machine has, else the CPU.
    pub device: Option<String>,
    /// The run directory that the file names.
    pub run: PathBuf,
    /// The file that is written; it must not exist.
    pub file: PathBuf,
    /// Steps that are timed behind the first one; 0 makes none. Default 3.
    pub timed_steps: usize,
}

impl Default for InitSettings {
    fn default() -> Self {
        Self {
            model: String::new(),
            data: PathBuf::new(),
            full: false,
            device: None,
            run: "runs/first".into(),
            file: "train.toml".into(),
            timed_steps: 3,
        }
    }
}

impl InitSettings {
    /// Refuses what can be refused without a look at the weights: no model or data, a model that is no path and no name on
    /// the Hub, data that cannot be read, and a file that exists.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] and [`FineTuneError::Lm`] name the first of them.
    pub fn check(&self) -> Result<(), FineTuneError> {
        require(&[
            ("model", !self.model.is_empty()),
            ("data", !self.data.as_os_str().is_empty()),
        ])?;
        check_place(&self.model)?;
        self.rows().recognised()?;
        if self.file.exists() {
            let place = self.file.display().to_string();
            let expected =
                "no file there, or another name for the configuration (the option config)";
            return Err(FineTuneError::setting(place, expected, "a file"));
        }
        Ok(())
    }

    /// The run directory that a file of examples gets where none is named: `runs/` and the file's name.
    #[must_use]
    pub fn run_of(data: &Path) -> PathBuf {
        Path::new("runs").join(data.file_stem().unwrap_or("first".as_ref()))
    }

    fn rows(&self) -> DataSettings {
        DataSettings {
            data: vec![self.data.clone()],
            ..DataSettings::default()
        }
    }
}

/// A configuration that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Initialised {
    /// What it holds.
    pub settings: TrainSettings,
    /// What the run needs.
    pub forecast: Forecast,
    /// The file's text.
    pub text: String,
}

/// Writes the configuration of a first training.
///
/// # Errors
///
/// [`FineTuneError::Setting`] for no model or data, for a file that exists, and for a run that does not fit into memory
/// in any type of weights; those of [`forecast`](crate::forecast); [`FineTuneError::Io`] for a file that cannot be
/// written.
pub fn init(
    settings: &InitSettings,
    progress: &dyn Progress,
) -> Result<Initialised, FineTuneError> {
    settings.check()?;
    let plain = plain(settings)?;
    let (settings_of_run, found) = fitting(&plain, settings, progress)?;
    let text = text::text(&settings_of_run, &found, &settings.file)?;
    write(settings, &text)?;
    Ok(Initialised {
        settings: settings_of_run,
        forecast: found,
        text,
    })
}

/// The settings without what depends on memory.
fn plain(settings: &InitSettings) -> Result<TrainSettings, FineTuneError> {
    let usual = TrainConfig::default();
    let plain = TrainSettings {
        model: ModelSettings {
            device: settings.device.clone().unwrap_or_else(usual_device),
            ..ModelSettings::of(&settings.model)
        },
        data: settings.rows().recognised()?,
        train: TrainConfig {
            batch_size: TrainConfig::AUTO_BATCH,
            learning_rate: if settings.full {
                FULL_RATE
            } else {
                usual.learning_rate
            },
            ..usual
        },
        finetune: FineTuneSettings {
            full: settings.full,
            validation_share: HELD_OUT,
            ..FineTuneSettings::default()
        },
        out: Some(settings.run.clone()),
        ..TrainSettings::default()
    };
    plain.check()?;
    Ok(plain)
}

/// The settings with the first type of weights that fits into memory, nothing left open, and what such a run needs.
fn fitting(
    plain: &TrainSettings,
    settings: &InitSettings,
    progress: &dyn Progress,
) -> Result<(TrainSettings, Forecast), FineTuneError> {
    let mut refused = None;
    for attempt in attempts(plain, progress)? {
        let Attempt { dtype, quantize } = attempt;
        let mut own = plain.clone();
        (own.model.dtype, own.model.quantize) = (dtype, quantize);
        match held_out_or_not(&mut own, settings.timed_steps, progress) {
            Ok(found) => {
                own.train.batch_size = found.plan.batch_size;
                own.train.accumulation = found.plan.accumulation;
                return Ok((own, found));
            }
            Err(FineTuneError::Setting { name, .. }) if name == "memory" => {
                progress.note(&format!("{attempt} does not fit into memory"));
                refused = Some(attempt);
            }
            Err(error) => return Err(error),
        }
    }
    let found = refused.map_or_else(|| "none that does".to_owned(), |last| last.to_string());
    let expected = "a model whose weights fit into memory in some type";
    Err(FineTuneError::setting("memory", expected, found))
}

/// What a run needs; it holds nothing out where there are too few rows for that.
fn held_out_or_not(
    own: &mut TrainSettings,
    timed: usize,
    progress: &dyn Progress,
) -> Result<Forecast, FineTuneError> {
    match forecast(own, timed, progress) {
        Err(FineTuneError::Setting { name, .. }) if name == "validation_share" => {
            own.finetune.validation_share = 0.0;
            forecast(own, timed, progress)
        }
        other => other,
    }
}

fn write(settings: &InitSettings, text: &str) -> Result<(), FineTuneError> {
    let file = &settings.file;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(FineTuneError::io(folder))?;
    }
    // Another process may have written one meanwhile: it stays.
    let mut out = OpenOptions::new();
    let out = out.write(true).create_new(true).open(file);
    let mut out = out.map_err(FineTuneError::io(file))?;
    out.write_all(text.as_bytes())
        .map_err(FineTuneError::io(file))
}
