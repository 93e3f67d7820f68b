//! `idiolect distill`: a data set in, the same data set in the model's own words out; `distill merge` joins the
//! journals of several machines into the set that one would have made.

use idiolect::DistillJob;

use crate::args::{Distill, DistillCommand, DistillMerge};
use crate::commands::resolve;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Distill) -> Result<(), CliError> {
    if let Some(DistillCommand::Merge(merge)) = &args.instead {
        return join(merge);
    }
    let job: DistillJob = resolve(args.config.as_deref(), &args.flags)?;
    output::lines(&[idiolect::distil(&job, &Bar::default())?])
}

fn join(args: &DistillMerge) -> Result<(), CliError> {
    let job: DistillJob = resolve(args.config.as_deref(), &args.flags)?;
    output::lines(&[idiolect::merge_shards(&job, &args.from, &Bar::default())?])
}
