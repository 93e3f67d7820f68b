//! `idiolect report`: a run directory in, its page and numbers out.

use crate::args::Report;
use crate::error::CliError;
use crate::progress::say;

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of [`crate::report::write`].
pub fn run(args: &Report) -> Result<(), CliError> {
    let page = crate::report::write(&args.run)?;
    say(&format!("The report is {}", page.display()));
    Ok(())
}
