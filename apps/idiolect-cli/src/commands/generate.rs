//! `idiolect generate`: prompts in, continuations out.

use std::ops::ControlFlow;

use idiolect::Error;
use idiolect::completion::Reasoning;
use idiolect::data::{BadRows, SkippedRow};
use idiolect::lm::jobs::Generate as Asked;
use idiolect::lm::{GenerateRun, WeightedAdapter};

use crate::args::{Generate, SamplingOptions};
use crate::commands::resolve;
use crate::error::CliError;
use crate::output::{self, Stream};
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Generate) -> Result<(), CliError> {
    output::check(args.out.as_deref())?;
    let (ask, bar) = (asked(args)?, Bar::default());
    let prompt = args.prompt.as_deref().map(prompt).transpose()?;
    let rows = match (&prompt, &args.prompts) {
        (Some(prompt), _) if args.out.is_none() && ask.reasoning.is_none() => {
            return stream(&ask, prompt, &bar);
        }
        (Some(prompt), _) if args.out.is_none() => return whole(&ask, prompt, &bar),
        (Some(prompt), _) => ask.prompt(prompt, &bar).map_err(Error::from)?,
        (None, Some(prompts)) => ask.file(prompts, &bar).map_err(Error::from)?,
        (None, None) => Vec::new(),
    };
    output::rows(args.out.as_deref(), &rows)
}

/// A prompt as typed, or what standard input holds for `-`, without its last line end.
fn prompt(typed: &str) -> Result<String, CliError> {
    if typed != "-" {
        return Ok(typed.to_owned());
    }
    let text = std::io::read_to_string(std::io::stdin()).map_err(CliError::Input)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

fn asked(args: &Generate) -> Result<Asked, CliError> {
    let own = &args.sampling;
    let sampling = SamplingOptions {
        generation_batch_size: args.batch_size.or(own.generation_batch_size),
        ..own.clone()
    };
    Ok(Asked {
        model: resolve(None, &args.model.with_template(args.template.as_ref()))?,
        adapters: adapters(&args.adapter)?,
        generation: resolve(None, &sampling)?,
        run: GenerateRun {
            seed: args.seed,
            ignore_eos: args.ignore_eos,
        },
        bad_rows: bad_rows(&args.bad_rows)?,
        skipped_list: args.out.as_deref().map(SkippedRow::list_beside),
        reasoning: (args.reasoning == "remove").then_some(Reasoning::Remove),
    })
}

fn stream(ask: &Asked, prompt: &str, bar: &Bar) -> Result<(), CliError> {
    let mut out = Stream::default();
    let done = ask.stream(prompt, bar, &mut |text| {
        if out.write(text) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    done.map_err(Error::from)?;
    out.end()
}

/// Shows a text once it is whole, without its reasoning.
fn whole(ask: &Asked, prompt: &str, bar: &Bar) -> Result<(), CliError> {
    let mut out = Stream::default();
    for row in ask.prompt(prompt, bar).map_err(Error::from)? {
        out.write(&row.text);
    }
    out.end()
}

/// What becomes of bad rows, as typed.
pub(crate) fn bad_rows(name: &str) -> Result<BadRows, CliError> {
    let parsed = name.parse();
    Ok(parsed.map_err(|error: idiolect::data::DataError| Error::from(error))?)
}

/// Adapters as typed, each a folder or FOLDER=WEIGHT.
pub(crate) fn adapters(texts: &[String]) -> Result<Vec<WeightedAdapter>, CliError> {
    let parsed = texts.iter().map(|text| text.parse());
    let parsed: Result<_, _> = parsed.collect();
    Ok(parsed.map_err(|error: idiolect::lm::LmError| Error::from(error))?)
}
