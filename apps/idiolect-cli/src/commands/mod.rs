//! One file a command: its settings resolved, one call of the library, its results printed.

use std::path::Path;

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
    let file = file
        .map(read_file)
        .transpose()
        .map_err(idiolect::Error::from)?;
    layers(file.into_iter().collect(), flags)
}

/// The settings of layers, the last of which is the command line.
pub(crate) fn layers<T: Settings>(
    mut below: Vec<Layer>,
    flags: &impl Serialize,
) -> Result<T, CliError> {
    below.push(Layer::of("command line", flags).map_err(idiolect::Error::from)?);
    Ok(resolved(&below).map_err(idiolect::Error::from)?)
}
