//! `idiolect generate`: prompts in, continuations out.

use std::ops::ControlFlow;

use idiolect::data::Id;
use idiolect::generate::{Event, Generated};
use serde::Serialize;

use super::streaming;
use crate::args::Generate;
use crate::continuing::{Generation, Pace, continue_all};
use crate::device::on_threads;
use crate::error::CliError;
use crate::opened::Opened;
use crate::progress::bar;
use crate::rows::{Prompt, PromptRow, read_prompts, user, write_lines};

#[derive(Serialize)]
struct OutRow {
    id: Id,
    text: String,
    token_ids: Vec<u32>,
    finish_reason: &'static str,
}

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of opening a model, reading prompts, generating and writing.
pub fn run(args: &Generate) -> Result<(), CliError> {
    on_threads(args.model.threads, || work(args))
}

fn work(args: &Generate) -> Result<(), CliError> {
    let rows = match (&args.prompts, &args.prompt) {
        (Some(path), _) => read_prompts(path)?,
        (None, text) => {
            let messages = user(text.as_deref().unwrap_or_default());
            vec![PromptRow {
                id: 0.into(),
                prompt: Prompt::Messages(messages),
            }]
        }
    };
    let opened = Opened::with(&args.model, &args.adapter, args.template.as_deref())?;
    let mut keys = args.sampling.clone();
    keys.generation_batch_size = args.batch_size.or(keys.generation_batch_size);
    let mut generation = Generation::new(&keys, &opened, args.seed);
    generation.settings.stops.ignore_eos = args.ignore_eos;
    let prompts = rows
        .iter()
        .map(|row| opened.prompt_ids(&row.prompt))
        .collect::<Result<_, _>>()?;
    if args.prompt.is_some() && args.out.is_none() {
        return streaming::stream(&opened, prompts, &generation);
    }
    let bar = bar("generate", rows.len());
    let done = continue_all(&opened, prompts, &generation, &mut |event| {
        if let Event::Done(_) = event {
            bar.inc(1);
        }
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    let mut pace = Pace::default();
    pace.add(&done);
    pace.tell();
    let out: Vec<OutRow> = rows
        .into_iter()
        .zip(done)
        .map(|(row, done)| out_row(row.id, done))
        .collect();
    write_lines(args.out.as_deref(), &out)
}

fn out_row(id: Id, done: Generated) -> OutRow {
    let finish_reason = done.finish_reason.as_str();
    OutRow {
        id,
        text: done.text,
        token_ids: done.token_ids,
        finish_reason,
    }
}
