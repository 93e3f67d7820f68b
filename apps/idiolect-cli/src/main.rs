//! The program `idiolect`: parse, call the library, print.

use std::io::{ErrorKind as IoErrorKind, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use idiolect::data::settings::{CommandOptions, call_hint, command_synonym, flag_hint, one_line};

use args::{Cli, Command};
use error::CliError;
use progress::Log;

mod args;
mod commands;
mod drivers;
mod error;
mod output;
mod panics;
mod progress;
mod stop;

fn main() -> ExitCode {
    drivers::hush();
    panics::note_them();
    // A library that gives up on a damaged file is told as an error, where it is called.
    idiolect::input::silence_guarded();
    stop::large_files_are_errors();
    let ended = panics::caught(|| parse()?.map_or(Ok(()), |cli| run(&cli)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has had enough.
        Err(CliError::Output(error)) if error.kind() == IoErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            if !error.is_told() {
                Log::get().error(&error.line());
            }
            ExitCode::from(error.status())
        }
    }
}

/// The parsed arguments; none when help or the version was asked for and printed.
fn parse() -> Result<Option<Cli>, CliError> {
    match Cli::parsed() {
        Ok(cli) => Ok(Some(cli)),
        // Without a word it says what there is to be said.
        Err(help) if help.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output::text(&help.render().to_string())?;
            Ok(None)
        }
        Err(error) if error.use_stderr() => Err(refused(&error)),
        Err(help) => {
            help.print().map_err(CliError::Output)?;
            Ok(None)
        }
    }
}

/// What is wrong with the arguments: on a terminal as clap shows it, with usage and colours, else in one line.
fn refused(error: &clap::Error) -> CliError {
    let is_ours = error.kind() == ErrorKind::ValueValidation || own_name(error).is_some();
    if !is_ours && std::io::stderr().is_terminal() && error.print().is_ok() {
        return CliError::Told;
    }
    CliError::Usage(usage(error))
}

/// What a command or an option that is none here is called: since another version, by other programs, in other commands.
fn own_name(error: &clap::Error) -> Option<String> {
    let command = said(error, ContextKind::InvalidSubcommand);
    if let Some((other, own)) = command.and_then(|other| Some((other, command_synonym(other)?))) {
        return Some(format!(
            "{other} is called {own} here: idiolect {own} --help"
        ));
    }
    let is_unknown = error.kind() == ErrorKind::UnknownArgument;
    let word = command.or(said(error, ContextKind::InvalidArg).filter(|_| is_unknown))?;
    let typed: Vec<String> = std::env::args().skip(1).collect();
    let options = |command: &clap::Command| CommandOptions {
        command: command.get_name().to_owned(),
        options: args::options(command).map(str::to_owned).collect(),
    };
    let all: Vec<CommandOptions> = Cli::whole().get_subcommands().map(options).collect();
    flag_hint(word, &typed, &all)
}

/// What is wrong with the arguments, in one line.
fn usage(error: &clap::Error) -> String {
    let line = own_name(error).unwrap_or_else(|| one_line(&error.render().to_string()));
    let option = said(error, ContextKind::InvalidArg).and_then(|arg| arg.split(' ').next());
    let value = said(error, ContextKind::InvalidValue);
    // A conflict of an option with itself: it was given twice.
    let is_repeated = said(error, ContextKind::PriorArg) == said(error, ContextKind::InvalidArg);
    line + &call_hint(option.unwrap_or_default(), value, is_repeated)
}

/// A part of what clap knows of an error.
fn said(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    }
}

fn run(cli: &Cli) -> Result<(), CliError> {
    Log {
        form: cli.log,
        every: Duration::from_secs(cli.log_every),
        verbose: cli.verbose,
    }
    .set();
    match &cli.command {
        Command::Init(args) => commands::init::run(args),
        Command::Inspect(args) => commands::inspect::run(args),
        Command::Generate(args) => commands::generate::run(args),
        Command::Chat(args) => commands::talk::chat::run(args),
        Command::Serve(args) => commands::talk::serve::run(args),
        Command::Lend(args) => commands::talk::lend::run(args),
        Command::Score(args) => commands::score::run(args),
        Command::Train(args) => commands::training::train::run(args),
        Command::Distill(args) => commands::distill::run(args),
        Command::DistillOnline(args) => commands::training::online::run(args),
        Command::Continue(args) => commands::continuation::run(args),
        Command::Merge(args) => commands::merge::run(args),
        Command::Export(args) => commands::export::run(args),
        Command::Combine(args) => commands::combine::run(args),
        Command::Metrics(args) => commands::metrics::run(args),
        Command::Eval(args) => commands::evaluate::run(args),
        Command::Fetch(args) => commands::hub::fetch::run(args),
        Command::Push(args) => commands::hub::push::run(args),
        Command::Report(args) => commands::report::run(args),
        Command::Sdft(args) => commands::sdft::run(args),
        Command::Templates => commands::about::names::templates(),
        Command::Presets => commands::about::names::presets(),
        Command::Tasks => commands::about::names::tasks(),
        Command::Doctor => commands::about::doctor::run(),
        Command::Completions { shell } => commands::about::shell::completions(*shell),
        Command::Man { out } => commands::about::shell::man(out),
    }
}
