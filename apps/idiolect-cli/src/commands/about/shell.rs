//! `idiolect completions` and `idiolect man`: what a shell and its manual know of the program.

use std::path::Path;

use clap_complete::Shell;

use crate::args::Cli;
use crate::error::CliError;

/// The completions of a shell on standard output.
pub(crate) fn completions(shell: Shell) -> Result<(), CliError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::whole(), "idiolect", &mut text);
    let mut out = std::io::stdout().lock();
    let written = std::io::Write::write_all(&mut out, &text);
    written.map_err(CliError::Output)
}

/// A manual page for the program and for each command, in a folder that is made.
pub(crate) fn man(folder: &Path) -> Result<(), CliError> {
    let failed = |source| CliError::File {
        path: folder.to_owned(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::whole(), folder).map_err(failed)
}
