//! `idiolect report`: run directories in, their page and numbers out.

use std::path::PathBuf;

use idiolect::Progress;

use crate::args::Report;
use crate::error::CliError;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Report) -> Result<(), CliError> {
    let runs: Vec<PathBuf> = args.runs.iter().chain(&args.run).cloned().collect();
    let page = idiolect::report::write_runs(&runs, args.out.as_deref());
    let page = page.map_err(idiolect::Error::from)?;
    Bar::default().note(&format!("The report is {}", page.display()));
    Ok(())
}
