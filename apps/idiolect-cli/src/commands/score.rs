//! `idiolect score`: how likely a model finds responses.

use idiolect::data::SkippedRow;
use idiolect::lm::jobs::{Generate as Asked, score};

use crate::args::Score;
use crate::commands::generate::{adapters, bad_rows};
use crate::commands::resolve;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Score) -> Result<(), CliError> {
    output::check(args.out.as_deref())?;
    let ask = Asked {
        model: resolve(None, &args.model.with_template(args.template.as_ref()))?,
        adapters: adapters(&args.adapter)?,
        bad_rows: bad_rows(&args.bad_rows)?,
        skipped_list: args.out.as_deref().map(SkippedRow::list_beside),
        ..Asked::default()
    };
    let rows = score(&ask, &args.data, args.batch_size, &Bar::default());
    let rows = rows.map_err(idiolect::Error::from)?;
    output::rows(args.out.as_deref(), &rows)
}
