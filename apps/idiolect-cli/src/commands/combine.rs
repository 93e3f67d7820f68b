//! `idiolect combine`: several adapters of one model as one, their changes weighted and added up.

use crate::args::Combine;
use crate::commands::{generate::adapters, resolve};
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;

/// Runs the command.
pub fn run(args: &Combine) -> Result<(), CliError> {
    let model = resolve(None, &args.model)?;
    let parts = adapters(&args.adapter)?;
    let summary = idiolect::combine(&model, &parts, &args.out, &Bar::default())?;
    output::lines(&[summary])
}
