//! `idiolect export`: an adapter or a model as a GGUF file.

use idiolect::lm::{Export as Ask, LmError, export};

use crate::args::Export;
use crate::commands::resolve;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Export) -> Result<(), CliError> {
    let stored = args.stored.as_deref().map(str::parse).transpose();
    let stored = stored.map_err(LmError::from);
    let ask = Ask {
        model: resolve(None, &args.model)?,
        adapter: args.adapter.clone(),
        merge: args.merge,
        stored: stored.map_err(idiolect::Error::from)?,
        overwrite: args.overwrite,
    };
    let summary = export(&ask, &args.out, &Bar::default()).map_err(idiolect::Error::from)?;
    output::summary(&summary)
}
