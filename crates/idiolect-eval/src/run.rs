//! Asking a model every item of a task, with a journal to go on from.
//!
//! Items are asked in their order, so that what stands in a batch follows from the task and the
//! settings alone; batches by length belong to the model behind the seam.

use std::fmt::Write;
use std::path::Path;

use idiolect_data::{Id, Journal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Ask, BoxError, Continuation, EvalError, Item, Prompt};

/// The log-likelihood of a continuation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Likelihood {
    /// Sum over its tokens, in nats.
    pub log_likelihood: f64,
    /// Whether each token is the likeliest at its place.
    pub greedy: bool,
}

/// What a model made of one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The text it wrote.
    Text(String),
    /// The likelihood of each continuation, in their order.
    Likelihoods(Vec<Likelihood>),
}

/// Anything that writes text after a prompt and tells how likely text is.
pub trait Model {
    /// Writes one text for each prompt.
    ///
    /// # Errors
    ///
    /// Its own; the run ends with it and can be taken up again.
    fn generate(
        &mut self,
        prompts: &[&Prompt],
        stops: &[String],
        max_new_tokens: usize,
    ) -> Result<Vec<String>, BoxError>;

    /// Gives one likelihood for each continuation.
    ///
    /// # Errors
    ///
    /// As [`Self::generate`].
    fn likelihoods(&mut self, pairs: &[&Continuation]) -> Result<Vec<Likelihood>, BoxError>;
}

/// How a task is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Only the first so many items.
    pub limit: Option<usize>,
    /// Items that are handed to the model at once, and at most lost when the run is killed; 0 is 1.
    pub batch_size: usize,
}

/// One answered item, as the journal has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The item's id.
    pub id: Id,
    /// SHA-256 of the request, in hexadecimal.
    pub request: String,
    /// The answer.
    pub answer: Answer,
}

/// Asks `model` every item, or the first `limit`; rows that `journal` has are not asked again.
///
/// A journal belongs to one task and one model: requests are checked by their hash, the model is
/// the caller's to keep apart.
///
/// # Errors
///
/// [`EvalError::Data`] from the journal, [`EvalError::Journal`] where it is of another run,
/// [`EvalError::Model`].
pub fn run(
    items: &[Item],
    model: &mut dyn Model,
    settings: Settings,
    journal: &Path,
) -> Result<Vec<Row>, EvalError> {
    let items = &items[..settings.limit.unwrap_or(items.len()).min(items.len())];
    let (mut writer, mut rows) = Journal::open::<Row>(journal)?;
    check(items, &rows, journal)?;
    rows.truncate(items.len());
    // Chunks are counted from the first item, so that a run taken up again repeats its batch.
    let size = settings.batch_size.max(1);
    let mut start = rows.len() / size * size;
    while rows.len() < items.len() {
        let chunk = &items[start..items.len().min(start + size)];
        let answers = answer(chunk, model)?;
        let asked = chunk.iter().zip(answers).skip(rows.len() - start);
        let new: Vec<Row> = asked
            .map(|(item, answer)| Row {
                id: item.id.clone(),
                request: hash(&item.ask),
                answer,
            })
            .collect();
        for row in new {
            writer.append(&row)?;
            rows.push(row);
        }
        start += size;
    }
    Ok(rows)
}

/// Whether the rows answer these items in this order; more rows than items are of a longer run.
fn check(items: &[Item], rows: &[Row], journal: &Path) -> Result<(), EvalError> {
    for (item, row) in items.iter().zip(rows) {
        let expected = hash(&item.ask);
        if item.id != row.id || expected != row.request {
            return Err(EvalError::Journal {
                path: journal.to_owned(),
                id: row.id.clone(),
                expected,
                found: row.request.clone(),
            });
        }
    }
    Ok(())
}

/// The model's answers to a chunk; the requests of a task are all of one form.
fn answer(items: &[Item], model: &mut dyn Model) -> Result<Vec<Answer>, EvalError> {
    let failed = |source| EvalError::Model { source };
    let mut pairs = Vec::new();
    let mut prompts = Vec::new();
    let mut end = (&[][..], 0);
    for item in items {
        match &item.ask {
            Ask::Choose(all) => pairs.extend(all),
            Ask::Generate {
                prompt,
                stops,
                max_new_tokens,
            } => {
                prompts.push(prompt);
                end = (stops, *max_new_tokens);
            }
        }
    }
    let mut texts = Vec::new();
    if !prompts.is_empty() {
        texts = model.generate(&prompts, end.0, end.1).map_err(failed)?;
    }
    let mut values = Vec::new();
    if !pairs.is_empty() {
        values = model.likelihoods(&pairs).map_err(failed)?;
    }
    if (texts.len(), values.len()) != (prompts.len(), pairs.len()) {
        let source = "it did not answer each request once".into();
        return Err(EvalError::Model { source });
    }
    let (mut texts, mut values) = (texts.into_iter(), values.into_iter());
    let answers = items.iter().map(|item| match &item.ask {
        Ask::Choose(all) => Answer::Likelihoods(values.by_ref().take(all.len()).collect()),
        Ask::Generate { .. } => Answer::Text(texts.next().unwrap_or_default()),
    });
    Ok(answers.collect())
}

/// SHA-256 of a request as JSON, in hexadecimal.
fn hash(ask: &Ask) -> String {
    hex(&serde_json::to_vec(ask).unwrap_or_default())
}

/// SHA-256 of bytes, in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
