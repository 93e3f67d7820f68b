//! One file a command: its settings resolved, one call of the library, its results printed.

use std::path::Path;

use idiolect::data::settings::{Layer, Settings, read_file, resolve as resolved};
use serde::Serialize;

use crate::error::CliError;

pub mod combine;
pub mod continuation;
pub mod distill;
pub mod evaluate;
pub mod generate;
pub mod inspect;
pub mod merge;
pub mod metrics;
pub mod report;
pub mod score;
pub mod sdft;
pub mod train;

/// The settings of a file under those of the command line.
pub fn resolve<T: Settings>(file: Option<&Path>, flags: &impl Serialize) -> Result<T, CliError> {
    let file = file.map(read_file).transpose().map_err(idiolect::Error::from)?;
    layers(file.into_iter().collect(), flags)
}

/// The settings of layers, the last of which is the command line.
pub fn layers<T: Settings>(mut below: Vec<Layer>, flags: &impl Serialize) -> Result<T, CliError> {
    below.push(Layer::of("command line", flags).map_err(idiolect::Error::from)?);
    Ok(resolved(&below).map_err(idiolect::Error::from)?)
}
