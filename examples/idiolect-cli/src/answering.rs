//! Answers to the prompts of a data set, journaled as they come, so that a killed run goes on.

use std::collections::HashMap;
use std::path::Path;

use idiolect::data::{Id, Journal, Row};
use idiolect::generate::{Generated, Request};
use serde::{Deserialize, Serialize};

use crate::continuing::LocalWriter;
use crate::error::CliError;
use crate::identity::{Writer, text_hash};
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

/// What made an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Made {
    #[serde(flatten)]
    writer: Writer,
    /// Of the prompt's token ids.
    prompt_sha256: String,
    seed: u64,
}

/// A row of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    answer: Answered,
    #[serde(flatten)]
    made: Made,
}

/// Answers every row, in order; what the journal has is not asked again.
///
/// # Errors
///
/// [`CliError::Setting`] for the journal of another model, adapter, sampler, seed or data set;
/// [`CliError::Data`] for one that cannot be read or written; the errors of rendering and generating.
pub fn answer(
    local: LocalWriter<'_>,
    writer: &Writer,
    rows: &[Row],
    path: &Path,
) -> Result<Vec<Answered>, CliError> {
    let requests = requests(local, rows)?;
    let made: Vec<Made> = requests
        .iter()
        .map(|request| made(writer, request))
        .collect();
    let (mut journal, found) = Journal::open::<Record>(path)?;
    let mut done: HashMap<String, Answered> = HashMap::new();
    let places = rows.iter().enumerate();
    let places: HashMap<String, usize> = places
        .map(|(at, row)| (row.example.id.to_string(), at))
        .collect();
    for Record { answer, made: old } in found {
        let id = answer.id.to_string();
        let at = places.get(&id);
        let now = at.map(|at| &made[*at]);
        refuse_other(path, &id, &old, now)?;
        done.insert(id, answer);
    }
    let key = |at: usize| rows[at].example.id.to_string();
    let there: Vec<bool> = (0..rows.len())
        .map(|at| done.contains_key(&key(at)))
        .collect();
    local.finish("answer", &requests, &there, &mut |row| {
        let answer = answered(rows, row);
        let made = made[row.index].clone();
        journal.append(&Record {
            answer: answer.clone(),
            made,
        })?;
        done.insert(key(row.index), answer);
        Ok::<_, CliError>(())
    })?;
    Ok((0..rows.len())
        .filter_map(|at| done.remove(&key(at)))
        .collect())
}

fn requests(local: LocalWriter<'_>, rows: &[Row]) -> Result<Vec<Request>, CliError> {
    let request = |(index, row): (usize, &Row)| {
        let prompt = Prompt::Messages(row.example.prompt().to_vec());
        Ok(Request {
            index,
            prompt: local.opened.prompt_ids(&prompt)?,
            seed: Request::row_seed(local.generation.seed, index),
        })
    };
    rows.iter().enumerate().map(request).collect()
}

fn made(writer: &Writer, request: &Request) -> Made {
    Made {
        writer: writer.clone(),
        prompt_sha256: text_hash(&format!("{:?}", request.prompt)),
        seed: request.seed,
    }
}

fn answered(rows: &[Row], row: &Generated) -> Answered {
    Answered {
        id: rows[row.index].example.id.clone(),
        text: row.text.clone(),
        token_count: row.token_ids.len(),
        finish_reason: row.finish_reason.as_str().into(),
    }
}

/// Refuses an answer that this run would not have written, and says what differs.
fn refuse_other(path: &Path, id: &str, old: &Made, now: Option<&Made>) -> Result<(), CliError> {
    let differs = |field: &str, expected: String, found: String| {
        let place = format!("{}: id {id}: {field}", path.display());
        Err(CliError::setting(
            &place,
            format!("{expected}, as this run has it"),
            found,
        ))
    };
    let Some(now) = now else {
        return differs("id", "one of the data set's".into(), "another".into());
    };
    if let Some((field, old, now)) = old.writer.difference(&now.writer) {
        return differs(field, now, old);
    }
    if old.seed != now.seed {
        return differs("seed", now.seed.to_string(), old.seed.to_string());
    }
    if old.prompt_sha256 != now.prompt_sha256 {
        let (now, old) = (now.prompt_sha256.clone(), old.prompt_sha256.clone());
        return differs("prompt_sha256", now, old);
    }
    Ok(())
}
