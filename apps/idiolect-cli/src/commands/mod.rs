//! One file a command: its settings resolved, one call of the library, its results printed.

use std::path::Path;

use idiolect::Error;
use idiolect::data::settings::{Layer, Settings, read_file, resolve as resolved};
use serde::Serialize;

use crate::error::CliError;

pub(crate) mod about;
pub(crate) mod combine;
pub(crate) mod continuation;
pub(crate) mod distill;
pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod generate;
pub(crate) mod hub;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod merge;
pub(crate) mod metrics;
pub(crate) mod report;
pub(crate) mod score;
pub(crate) mod sdft;
pub(crate) mod talk;
pub(crate) mod training;

/// The settings of a file under those of the command line.
pub(crate) fn resolve<T: Settings>(
    file: Option<&Path>,
    flags: &impl Serialize,
) -> Result<T, CliError> {
    let file = file.map(read_file).transpose().map_err(Error::from)?;
    Ok(resolved(&under(file, flags)?).map_err(Error::from)?)
}

/// Layers under that of the command line.
pub(crate) fn under(
    below: impl IntoIterator<Item = Layer>,
    flags: &impl Serialize,
) -> Result<Vec<Layer>, CliError> {
    let flags = Layer::of("command line", flags).map_err(Error::from)?;
    Ok(below.into_iter().chain([flags]).collect())
}
