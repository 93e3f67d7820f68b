//! `idiolect eval`: a task's items in, answers, scores and their means out.

use idiolect::EvalJob;

use crate::args::Eval;
use crate::commands::resolve;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;
use crate::stop;

/// Runs the command.
pub(crate) fn run(args: &Eval) -> Result<(), CliError> {
    let job: EvalJob = resolve(args.config.as_deref(), &args.flags)?;
    stop::ends(job.out.as_deref());
    output::summary(&idiolect::evaluate(&job, &Bar::default())?)
}
