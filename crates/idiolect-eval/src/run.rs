//! Asking a model every item of a task, with a journal to go on from.
//!
//! Items are asked in their order, so that what stands in a batch follows from the task and the
//! settings alone; batches by length belong to the model behind the seam.

use std::fmt::Write;
use std::path::Path;

use idiolect_data::{Id, Journal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Ask, BoxError, Continuation, Draw, EvalError, Item, Prompt};

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
    /// Writes one text for each request.
    ///
    /// # Errors
    ///
    /// Its own; the run ends with it and can be taken up again.
    fn generate(&mut self, asked: &[Writing<'_>]) -> Result<Vec<String>, BoxError>;

    /// Gives one likelihood for each continuation of each question, which mostly share their context.
    ///
    /// # Errors
    ///
    /// As [`Self::generate`].
    fn likelihoods(
        &mut self,
        questions: &[&[Continuation]],
    ) -> Result<Vec<Vec<Likelihood>>, BoxError>;
}

/// A text to be written; the fields are those of [`Ask::Generate`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "each is explained where the request is")]
pub struct Writing<'a> {
    pub prompt: &'a Prompt,
    pub stops: &'a [String],
    pub max_new_tokens: usize,
    pub draw: Option<Draw>,
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

/// The model's answers to a chunk.
fn answer(items: &[Item], model: &mut dyn Model) -> Result<Vec<Answer>, EvalError> {
    let failed = |source| EvalError::Model { source };
    let (mut questions, mut asked) = (Vec::new(), Vec::new());
    for item in items {
        match &item.ask {
            Ask::Choose(all) => questions.push(all.as_slice()),
            Ask::Generate {
                prompt,
                stops,
                max_new_tokens,
                draw,
            } => asked.push(Writing {
                prompt,
                stops,
                max_new_tokens: *max_new_tokens,
                draw: *draw,
            }),
        }
    }
    let (mut texts, mut values) = (Vec::new(), Vec::new());
    if !asked.is_empty() {
        texts = model.generate(&asked).map_err(failed)?;
    }
    if !questions.is_empty() {
        values = model.likelihoods(&questions).map_err(failed)?;
    }
    let complete = values
        .iter()
        .map(Vec::len)
        .eq(questions.iter().map(|all| all.len()));
    if texts.len() != asked.len() || !complete {
        let source = "it did not answer each request once".into();
        return Err(EvalError::Model { source });
    }
    let (mut texts, mut values) = (texts.into_iter(), values.into_iter());
    let answers = items.iter().map(|item| match &item.ask {
        Ask::Choose(_) => Answer::Likelihoods(values.next().unwrap_or_default()),
        Ask::Generate { .. } => Answer::Text(texts.next().unwrap_or_default()),
    });
    Ok(answers.collect())
}

/// SHA-256 of a request as JSON, in hexadecimal.
pub(crate) fn hash<T: Serialize>(request: &T) -> String {
    let json = serde_json::to_vec(request).unwrap_or_default();
    let mut hex = String::new();
    for byte in Sha256::digest(json) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
