//! `idiolect score`: how likely a model finds responses.

use idiolect::lm::jobs::{Generate as Asked, score};

use crate::args::{ModelOptions, Score};
use crate::commands::{generate::adapters, resolve};
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Score) -> Result<(), CliError> {
    let model = ModelOptions {
        template: args.template.clone(),
        ..args.model.clone()
    };
    let ask = Asked {
        model: resolve(None, &model)?,
        adapters: adapters(&args.adapter)?,
        ..Asked::default()
    };
    let rows = score(&ask, &args.data, args.batch_size, &Bar::default());
    let rows = rows.map_err(idiolect::Error::from)?;
    output::rows(args.out.as_deref(), &rows)
}
