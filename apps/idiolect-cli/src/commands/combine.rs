//! `idiolect combine`: several adapters of one model as one, their changes weighted and added up.

use idiolect::lm::jobs::combine;

use crate::args::Combine;
use crate::commands::{generate::adapters, resolve};
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Combine) -> Result<(), CliError> {
    let model = resolve(None, &args.model)?;
    let parts = adapters(&args.adapter)?;
    let summary =
        combine(&model, &parts, &args.out, &Bar::default()).map_err(idiolect::Error::from)?;
    output::summary(&summary)
}
