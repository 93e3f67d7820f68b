//! `idiolect doctor`: what this machine has for the work.

use crate::error::CliError;
use crate::output;

/// Runs the command.
pub(crate) fn run() -> Result<(), CliError> {
    output::text(&idiolect::doctor().to_string())
}
