//! `idiolect init`: a configuration that fits this machine, after a few questions.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

use idiolect::Progress;
use idiolect::finetune::{InitSettings, init};

use crate::args::Init;
use crate::error::CliError;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Init) -> Result<(), CliError> {
    let bar = Bar::default();
    let settings = settings(args)?;
    let written = init(&settings, &bar);
    bar.end();
    let written = written.map_err(idiolect::Error::from)?;
    let forecast = written.forecast.to_string();
    forecast.lines().for_each(|line| bar.note(line));
    let file = settings.file.display();
    bar.note(&format!("wrote {file}"));
    bar.note(&format!("start it: idiolect train --config {file}"));
    Ok(())
}

/// What the options say, and the answers to questions about the rest: on a terminal, and where something is missing.
fn settings(args: &Init) -> Result<InitSettings, CliError> {
    let is_missing = args.model.is_none() || args.data.is_none();
    let asks = !args.yes && (is_missing || std::io::stdin().is_terminal());
    let ask = |given: Option<String>, question: &str, usual: &str| match given {
        Some(given) => Ok(given),
        None if asks => answer(question, usual),
        None => Ok(usual.to_owned()),
    };
    let path = |given: &Option<PathBuf>| given.as_ref().map(|path| path.display().to_string());
    let model = "Model (folder, .gguf file, or owner/name on the Hub)";
    let plain = InitSettings {
        model: ask(args.model.clone(), model, "")?,
        data: ask(path(&args.data), "File of examples", "")?.into(),
        device: args.device.clone(),
        file: args.config.clone(),
        timed_steps: args.timed_steps,
        ..InitSettings::default()
    };
    // Nobody answers the other questions for nothing.
    plain.check().map_err(idiolect::Error::from)?;
    let full = args.full.then(|| "all".to_owned());
    let full = ask(full, "Train an adapter, or all weights", "adapter")?;
    let usual = InitSettings::run_of(&plain.data);
    let run = ask(
        path(&args.run),
        "Run directory",
        &usual.display().to_string(),
    )?;
    Ok(InitSettings {
        full: full.starts_with("all"),
        run: run.into(),
        ..plain
    })
}

/// What is typed to a question, else the usual; a question without one is asked until the input ends.
fn answer(question: &str, usual: &str) -> Result<String, CliError> {
    let hint = match usual {
        "" => String::new(),
        usual => format!(" [{usual}]"),
    };
    loop {
        // Where standard error is gone, answers are still read.
        let _ = write!(std::io::stderr(), "{question}{hint}: ");
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let ended = read.map_err(CliError::Input)? == 0;
        match line.trim() {
            "" if ended || !usual.is_empty() => return Ok(usual.to_owned()),
            "" => {}
            typed => return Ok(typed.to_owned()),
        }
    }
}
