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
    if named.is_some() {
        return Ok(named.map(Path::to_owned));
    }
    let Some(own) = out
        .filter(|_| resume)
        .map(|out| RunDir::new(out).run_toml())
    else {
        return Ok(None);
    };
    match own.is_file() {
        true => Ok(Some(own)),
        false if has_model => Ok(None),
        false => {
            let place = own.display();
            Err(CliError::Usage(format!(
                "{place}: expected a run to resume, found no such file"
            )))
        }
    }
}
