//! Answers to the prompts of a data set, journaled as they come, so that a killed run goes on.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

use idiolect::data::{Id, Journal, Row};
use idiolect::generate::{Event, Request, groups};
use serde::{Deserialize, Serialize};

use crate::continuing::{Generation, continue_requests};
use crate::error::CliError;
use crate::opened::Opened;
use crate::progress::bar;
use crate::rows::Prompt;

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The example's id.
    pub id: Id,
    /// The answer.
    pub text: String,
    /// New tokens.
    pub token_count: usize,
    /// Why it ended.
    pub finish_reason: String,
}

/// Answers every row, in order; what the journal has is not asked again.
///
/// # Errors
///
/// [`CliError::Data`] for the journal; the errors of rendering and generating.
pub fn answer(
    opened: &Opened,
    rows: &[Row],
    generation: &Generation,
    journal: &Path,
) -> Result<Vec<Answered>, CliError> {
    let (mut journal, found) = Journal::open::<Answered>(journal)?;
    let mut done: HashMap<String, Answered> = found
        .into_iter()
        .map(|answer| (answer.id.to_string(), answer))
        .collect();
    let request = |(index, row): (usize, &Row)| {
        let prompt = opened.prompt_ids(&Prompt::Messages(row.example.prompt().to_vec()))?;
        Ok(Request {
            index,
            prompt,
            seed: Request::row_seed(generation.seed, index),
        })
    };
    let requests = rows
        .iter()
        .enumerate()
        .map(request)
        .collect::<Result<Vec<_>, CliError>>()?;
    let bar = bar("answer", rows.len());
    bar.inc(done.len() as u64);
    for group in groups(&requests, generation.settings.batch_size) {
        let key = |place: &usize| rows[*place].example.id.to_string();
        if group.iter().all(|place| done.contains_key(&key(place))) {
            continue;
        }
        let chosen: Vec<Request> = group.iter().map(|place| requests[*place].clone()).collect();
        let mut failed = None;
        continue_requests(opened, &chosen, generation, &mut |event| {
            let Event::Done(row) = event else {
                return ControlFlow::Continue(());
            };
            let answer = Answered {
                id: rows[row.index].example.id.clone(),
                text: row.text.clone(),
                token_count: row.token_ids.len(),
                finish_reason: row.finish_reason.as_str().into(),
            };
            if done.contains_key(&answer.id.to_string()) {
                return ControlFlow::Continue(());
            }
            bar.inc(1);
            if let Err(error) = journal.append(&answer) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            done.insert(answer.id.to_string(), answer);
            ControlFlow::Continue(())
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
    }
    bar.finish_and_clear();
    Ok(rows
        .iter()
        .filter_map(|row| done.remove(&row.example.id.to_string()))
        .collect())
}
