//! The program `idiolect`: parse, call the library, print.

use std::io::{ErrorKind as IoErrorKind, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use idiolect::data::settings::{command_synonym, renamed, synonym};

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
    if own_name(error).is_none() && std::io::stderr().is_terminal() && error.print().is_ok() {
        return CliError::Told;
    }
    CliError::Usage(usage(error))
}

/// What an argument that is none here is called: since another version, or by other programs.
fn own_name(error: &clap::Error) -> Option<String> {
    if let Some(ContextValue::String(command)) = error.get(ContextKind::InvalidSubcommand) {
        let told = |own| format!("{command} is called {own} here: idiolect {own} --help");
        return command_synonym(command).map(told);
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let name = flag.trim_start_matches('-').replace('-', "_");
    if let Some(renamed) = renamed(&name) {
        let new = renamed.new.replace('_', "-");
        return Some(format!(
            "{flag} is called --{new} since version {}",
            renamed.since
        ));
    }
    let own = synonym(&name)?;
    let (key, value) = (own.key.replace('_', "-"), own.value);
    Some(match (key.as_str(), value) {
        // A training reads an adapter and writes one.
        ("adapter", _) if !is_option("adapter") => format!(
            "{flag} is called --out here, where an adapter is written, or --init-adapter, where one is trained further"
        ),
        (key, "") => format!("{flag} is called --{key} here"),
        (key, value) if value.contains(' ') => format!("{flag} is called --{key} here: {value}"),
        (key, value) => format!("{flag} is called --{key} {value} here"),
    })
}

/// Whether the command of this call has an option.
fn is_option(name: &str) -> bool {
    let cli = Cli::whole();
    let mut words = std::env::args();
    let command = words.find_map(|word| cli.find_subcommand(word));
    command.is_none_or(|command| {
        let mut options = command.get_arguments();
        options.any(|option| option.get_long() == Some(name))
    })
}

/// What is wrong with the arguments, in one line.
fn usage(error: &clap::Error) -> String {
    if let Some(text) = own_name(error) {
        return text;
    }
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim);
    let lines = lines.take_while(|line| !line.starts_with("Usage:"));
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
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
