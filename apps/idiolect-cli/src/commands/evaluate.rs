//! `idiolect eval`: a task's items in, answers, scores and their means out.

use idiolect::EvalJob;

use crate::args::EvalFlags;
use crate::commands::resolve;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &EvalFlags) -> Result<(), CliError> {
    let job: EvalJob = resolve(None, args)?;
    output::lines(&[idiolect::evaluate(&job, &Bar::default())?])
}
