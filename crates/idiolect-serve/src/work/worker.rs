//! Answers requests one after the other; the texts of one request are computed together.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use idiolect_generate::{FinishReason, Generated};
use idiolect_input::guarded;
use idiolect_lm::{LmError, ModelPrompt, RowEvent, ScoredRun, on_threads};

use super::tokens::{Places, of_prompt};
use super::{Job, Queue, Reply};
use crate::refusal::Refusal;

/// Answers what waits until the line is closed; `threads` of the CPU compute.
pub(crate) fn work(queue: &Queue, threads: Option<usize>, is_stopping: &AtomicBool) {
    while let Some(job) = queue.pop() {
        if job.is_abandoned() {
            continue;
        }
        let done = guarded(|| on_threads(threads, || answer(&job, is_stopping)));
        let ended = match done {
            Ok(Ok(())) if is_stopping.load(Ordering::SeqCst) => Reply::Failed(Refusal::stopping()),
            Ok(Ok(())) => Reply::End,
            Ok(Err(error)) => Reply::Failed(error.into()),
            Err(panic) => Reply::Failed(Refusal::fault(format!("the model failed: {panic}"))),
        };
        job.send(ended);
    }
}

/// Sends every piece of an answer; it breaks off where nobody waits for it, and where the server stops.
fn answer(job: &Job, is_stopping: &AtomicBool) -> Result<(), LmError> {
    let asked = &job.asked;
    if asked.echo && asked.logprobs.is_none() {
        for (choice, at) in rows(job).enumerate() {
            let (text, tokens) = (asked.prompts[at].echo.clone(), Vec::new());
            job.send(Reply::Text {
                choice,
                text,
                tokens,
            });
        }
    }
    if asked.only_echo {
        return echo(job);
    }
    let prompts: Vec<ModelPrompt> = rows(job)
        .map(|at| ModelPrompt::Tokens(asked.prompts[at].ids.clone()))
        .collect();
    let echoed = |at: usize| asked.prompts[at].echo.chars().count();
    let mut places: Vec<Places> = rows(job).map(|at| Places::behind(echoed(at))).collect();
    let on_event = &mut |event: RowEvent<'_>| {
        if job.is_abandoned() || is_stopping.load(Ordering::SeqCst) {
            return ControlFlow::Break(());
        }
        job.send(reply(job, &mut places, event));
        ControlFlow::Continue(())
    };
    let (model, settings, run) = (&asked.model, &asked.settings, asked.run);
    match asked.logprobs {
        None => model.stream_rows(&prompts, settings, run, on_event)?,
        Some(likeliest) => {
            let run = ScoredRun {
                run,
                likeliest,
                prompt: asked.echo,
            };
            model.stream_scored(&prompts, settings, run, on_event)?
        }
    };
    Ok(())
}

/// The prompt of each text, by its place.
fn rows(job: &Job) -> impl Iterator<Item = usize> {
    let choices = job.asked.choices;
    (0..job.asked.prompts.len()).flat_map(move |at| std::iter::repeat_n(at, choices))
}

/// Prompts alone, with the log-probabilities of their tokens where those are wanted.
fn echo(job: &Job) -> Result<(), LmError> {
    let asked = &job.asked;
    for (choice, at) in rows(job).enumerate() {
        if job.is_abandoned() {
            break;
        }
        let prompt = &asked.prompts[at];
        if let Some(likeliest) = asked.logprobs {
            let scores = asked.model.prompt_scores(&prompt.ids, likeliest)?;
            job.send(Reply::Text {
                choice,
                text: prompt.echo.clone(),
                tokens: of_prompt(&asked.model, &prompt.ids, &scores),
            });
        }
        job.send(Reply::Done {
            choice,
            finish: "length",
            new_tokens: 0,
        });
    }
    Ok(())
}

fn reply(job: &Job, places: &mut [Places], event: RowEvent<'_>) -> Reply {
    let asked = &job.asked;
    match event {
        RowEvent::Prompt { row, scores } => {
            let prompt = &asked.prompts[row / asked.choices];
            Reply::Text {
                choice: row,
                text: prompt.echo.clone(),
                tokens: of_prompt(&asked.model, &prompt.ids, scores),
            }
        }
        RowEvent::Text { row, text, tokens } => Reply::Text {
            choice: row,
            text: text.to_owned(),
            tokens: places[row].lines(&asked.model, text, tokens),
        },
        RowEvent::Done(Generated {
            index,
            token_ids,
            stop_token,
            finish_reason,
            ..
        }) => Reply::Done {
            choice: *index,
            finish: match finish_reason {
                FinishReason::Stop | FinishReason::StopString => "stop",
                _ => "length",
            },
            new_tokens: token_ids.len() + usize::from(stop_token.is_some()),
        },
    }
}
