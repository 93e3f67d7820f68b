//! The program `idiolect`: parse, call the library, print.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue};
use idiolect::data::settings::renamed;

use args::{Cli, Command};
use error::CliError;

mod args;
mod commands;
mod error;
mod output;
mod panics;
mod progress;
mod stop;

fn main() -> ExitCode {
    panics::note_them();
    // A library that gives up on a damaged file is told as an error, where it is called.
    idiolect::input::silence_guarded();
    stop::large_files_are_errors();
    let ended = panics::caught(|| parse()?.map_or(Ok(()), |cli| run(&cli.command)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be gone; the status still tells.
            let _ = writeln!(std::io::stderr(), "error: {}", error.line());
            ExitCode::from(error.status())
        }
    }
}

/// The parsed arguments; none when help or the version was asked for and printed.
fn parse() -> Result<Option<Cli>, CliError> {
    match Cli::try_parse() {
        Ok(cli) => Ok(Some(cli)),
        Err(error) if error.use_stderr() => Err(CliError::Usage(usage(&error))),
        Err(help) => {
            help.print().map_err(CliError::Output)?;
            Ok(None)
        }
    }
}

/// What is wrong with the arguments, in one line.
fn usage(error: &clap::Error) -> String {
    if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
        && let Some(renamed) = renamed(&flag.trim_start_matches('-').replace('-', "_"))
    {
        let new = renamed.new.replace('_', "-");
        return format!("{flag} is called --{new} since version {}", renamed.since);
    }
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim);
    let lines = lines.take_while(|line| !line.starts_with("Usage:"));
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}

fn run(command: &Command) -> Result<(), CliError> {
    match command {
        Command::Inspect(args) => commands::inspect::run(args),
        Command::Generate(args) => commands::generate::run(args),
        Command::Score(args) => commands::score::run(args),
        Command::Train(args) => commands::train::run(args),
        Command::Distill(args) => commands::distill::run(args),
        Command::Continue(args) => commands::continuation::run(args),
        Command::Merge(args) => commands::merge::run(args),
        Command::Export(args) => commands::export::run(args),
        Command::Combine(args) => commands::combine::run(args),
        Command::Metrics(args) => commands::metrics::run(args),
        Command::Eval(args) => commands::evaluate::run(args),
        Command::Fetch(args) => commands::fetch::run(args),
        Command::Report(args) => commands::report::run(args),
        Command::Sdft(args) => commands::sdft::run(args),
    }
}
