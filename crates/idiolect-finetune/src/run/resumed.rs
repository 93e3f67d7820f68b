//! Which settings a run that resumes has.

use std::path::{Path, PathBuf};

use idiolect_data::RunDir;
use idiolect_input::few;

use crate::FineTuneError;

/// What a call says of the settings of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalledRun<'a> {
    /// The file of settings that it names.
    pub config: Option<&'a Path>,
    /// Whether the run is to resume.
    pub resume: bool,
    /// The run directory.
    pub out: Option<&'a Path>,
    /// Whether a model is named.
    pub has_model: bool,
}

impl CalledRun<'_> {
    /// The file of settings: the one that was named, else the `run.toml` of a run that resumes, where it has one. A run
    /// that is named by its folder alone must have it.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] for a folder without it, with the runs in that folder.
    pub fn settings_file(self) -> Result<Option<PathBuf>, FineTuneError> {
        let out = self.out.filter(|_| self.resume && self.config.is_none());
        let Some(run) = out.map(RunDir::new) else {
            return Ok(self.config.map(Path::to_owned));
        };
        let own = run.run_toml();
        if own.is_file() {
            return Ok(Some(own));
        }
        if self.has_model {
            return Ok(None);
        }
        let below = run.runs_below();
        let found = if below.is_empty() {
            "no such file (--model, --data and --out without --resume begin one)".to_owned()
        } else {
            format!(
                "a folder with {}: name one of them (the option out)",
                few(&below)
            )
        };
        let place = own.display().to_string();
        Err(FineTuneError::setting(place, "a run to resume", found))
    }
}

/// Refuses the folder of several runs where one is to resume: it would begin a new one beside them.
///
/// # Errors
///
/// [`FineTuneError::Setting`] names the runs.
pub(crate) fn require_one_run(out: &RunDir) -> Result<(), FineTuneError> {
    let below = out.runs_below();
    if out.is_begun() || below.is_empty() {
        return Ok(());
    }
    let (out, below) = (out.root.display(), few(&below));
    let found = format!("{out}, a folder with {below}: name one of them");
    Err(FineTuneError::setting(
        "out",
        "the directory of the run to resume",
        found,
    ))
}
