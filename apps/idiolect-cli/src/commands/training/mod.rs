//! Commands that train an adapter.

pub(crate) mod online;
pub(crate) mod train;

use std::path::{Path, PathBuf};

use idiolect::data::RunDir;

use crate::error::CliError;

/// The file of settings: the one that was named, else the `run.toml` of a run that resumes, where it has one. A run
/// that is named by its folder alone must have it.
fn config(
    named: Option<&Path>,
    resume: bool,
    out: Option<&Path>,
    has_model: bool,
) -> Result<Option<PathBuf>, CliError> {
    let own = out.filter(|_| resume && named.is_none());
    match own.map(|out| RunDir::new(out).run_toml()) {
        Some(own) if own.is_file() => Ok(Some(own)),
        Some(own) if !has_model => Err(CliError::Usage(format!(
            "{}: expected a run to resume, found no such file (--model, --data and --out without --resume begin one)",
            own.display()
        ))),
        _ => Ok(named.map(Path::to_owned)),
    }
}
