//! `idiolect merge`: an adapter folded into its model, as a Hugging Face folder.

use idiolect::Progress;
use idiolect::lm::MergeOptions;
use idiolect::lm::jobs::merge;

use crate::args::Merge;
use crate::commands::resolve;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Merge) -> Result<(), CliError> {
    // Who asks for a type to compute in has the result in it.
    let stored = args.stored.as_ref().or(args.model.dtype.as_ref());
    let stored = stored.map(|name| name.parse()).transpose();
    let options = MergeOptions {
        stored: stored.map_err(idiolect::Error::from)?,
        max_shard_megabytes: args.max_shard_megabytes,
        overwrite: args.overwrite,
    };
    let (model, bar) = (resolve(None, &args.model)?, Bar::default());
    let summary = merge(&model, &args.adapter, &args.out, options, &bar);
    let summary = summary.map_err(idiolect::Error::from)?;
    bar.note(&summary.to_string());
    output::summary(&summary)
}
