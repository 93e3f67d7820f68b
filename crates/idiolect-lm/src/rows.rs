//! Rows of files that are no data set: prompts, rows to score, ready token rows, and what comes of them.

use std::path::Path;

use idiolect_data::{Dataset, Id, Message, RawRow, RawRows, Role, Row, read_rows};
use idiolect_generate::{FinishReason, Generated};
use idiolect_tokens::TokenRow;
use serde::{Deserialize, Serialize};

use crate::LmError;

/// What a model is asked to continue.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ModelPrompt {
    /// A conversation that ends with a user's turn.
    Messages(Vec<Message>),
    /// Token ids, taken as they are.
    Tokens(Vec<u32>),
}

impl ModelPrompt {
    /// One user's turn.
    #[must_use]
    pub fn user(text: &str) -> Self {
        Self::Messages(user(text))
    }
}

/// A user's turn.
pub(crate) fn user(text: &str) -> Vec<Message> {
    vec![Message {
        role: Role::User,
        content: text.into(),
    }]
}

/// One row of a prompt file.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptRow {
    /// Echoed in the result.
    pub id: Id,
    /// What to continue.
    pub prompt: ModelPrompt,
}

/// What became of a [`PromptRow`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GeneratedRow {
    /// The row's id.
    pub id: Id,
    /// The new text, cut before a stop string.
    pub text: String,
    /// All new tokens but the stop token.
    pub token_ids: Vec<u32>,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

impl GeneratedRow {
    /// A finished text under the id of its row.
    #[must_use]
    pub fn new(id: Id, done: Generated) -> Self {
        Self {
            id,
            text: done.text,
            token_ids: done.token_ids,
            finish_reason: done.finish_reason,
        }
    }
}

/// The fields of any row; which of them must be there is the reader's to say.
#[derive(Deserialize)]
struct Fields {
    id: Option<Id>,
    prompt: Option<String>,
    response: Option<String>,
    messages: Option<Vec<Message>>,
    input_ids: Option<Vec<u32>>,
    labels: Option<Vec<i64>>,
}

impl Fields {
    /// The conversation of a row, from either form.
    fn conversation(&mut self) -> Option<Vec<Message>> {
        self.messages
            .take()
            .or_else(|| self.prompt.take().map(|text| user(&text)))
    }
}

fn fields(path: &Path, number: usize, row: RawRow) -> Result<(Id, Fields), LmError> {
    let place = place(path, number, row.line);
    let mut fields: Fields = serde_json::from_value(row.fields.into())
        .map_err(|error| LmError::setting(&place, "fields of the right kind", error))?;
    let id = fields.id.take().unwrap_or_else(|| number.into());
    if !(id.is_string() || id.is_number()) {
        let name = format!("{place}: id");
        return Err(LmError::setting(name, "a string or a number", id));
    }
    Ok((id, fields))
}

/// How errors name a row.
fn place(path: &Path, number: usize, line: usize) -> String {
    format!("{}: row {number} (line {line})", path.display())
}

/// Reads prompts: `prompt`, `messages` or `input_ids`.
///
/// # Errors
///
/// [`LmError::Data`] for an unreadable file; [`LmError::Setting`] names the row without a prompt.
pub fn read_prompts(path: &Path) -> Result<Vec<PromptRow>, LmError> {
    let RawRows { rows, .. } = read_rows(path)?;
    let one = |(number, row): (usize, RawRow)| {
        let line = row.line;
        let (id, mut fields) = fields(path, number, row)?;
        let prompt = match fields.input_ids.take() {
            Some(ids) => Some(ModelPrompt::Tokens(ids)),
            None => fields.conversation().map(ModelPrompt::Messages),
        };
        let missing = || {
            let expected = "prompt, messages or input_ids";
            LmError::setting(place(path, number, line), expected, "none of them")
        };
        Ok(PromptRow {
            id,
            prompt: prompt.ok_or_else(missing)?,
        })
    };
    rows.into_iter().enumerate().map(one).collect()
}

/// A row to score.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ScoreRow {
    /// A conversation; every response in it is scored.
    Messages(Id, Vec<Message>),
    /// Token ids with labels beside them.
    Tokens(TokenRow),
}

/// Reads rows to score: `prompt` and `response`, `messages`, `input_ids` and `labels`, or a data set in the alpaca
/// or the `ShareGPT` format.
///
/// # Errors
///
/// As [`read_prompts`].
pub fn read_scores(path: &Path) -> Result<Vec<ScoreRow>, LmError> {
    let raw = read_rows(path)?;
    if raw.rows.first().is_some_and(is_of_set) {
        let of_set = |row: Row| ScoreRow::Messages(row.example.id, row.example.messages);
        let set = Dataset::open(path)?;
        return Ok(set.rows.into_iter().map(of_set).collect());
    }
    let RawRows { rows, .. } = raw;
    let one = |(number, row): (usize, RawRow)| {
        let line = row.line;
        let (id, mut fields) = fields(path, number, row)?;
        if let (Some(input_ids), Some(labels)) = (fields.input_ids.take(), fields.labels.take()) {
            return Ok(ScoreRow::Tokens(TokenRow {
                id,
                input_ids,
                labels,
            }));
        }
        let response = fields.response.take();
        let answer = response.map(|content| Message {
            role: Role::Assistant,
            content,
        });
        let messages = fields
            .conversation()
            .map(|m| m.into_iter().chain(answer).collect());
        let missing = || {
            let expected =
                "prompt and response, messages, input_ids and labels, alpaca or sharegpt";
            LmError::setting(place(path, number, line), expected, "other fields")
        };
        messages
            .map(|messages| ScoreRow::Messages(id, messages))
            .ok_or_else(missing)
    };
    rows.into_iter().enumerate().map(one).collect()
}

/// Whether a row is of a data set's format, and has no field of the rows here.
fn is_of_set(row: &RawRow) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| row.fields.contains_key(*name));
    has(&["instruction", "conversations"]) && !has(&["prompt", "messages", "input_ids"])
}

/// Reads ready token rows.
///
/// # Errors
///
/// As [`read_prompts`].
pub fn read_tokens(path: &Path) -> Result<Vec<TokenRow>, LmError> {
    let RawRows { rows, .. } = read_rows(path)?;
    let rows = rows.into_iter().enumerate();
    rows.map(|(number, row)| token_row(path, number, row))
        .collect()
}

/// The ready token row that row `number` of a file holds.
///
/// # Errors
///
/// [`LmError::Setting`] names the row that holds none.
pub fn token_row(path: &Path, number: usize, row: RawRow) -> Result<TokenRow, LmError> {
    let line = row.line;
    let (id, fields) = fields(path, number, row)?;
    let (Some(input_ids), Some(labels)) = (fields.input_ids, fields.labels) else {
        let (place, found) = (place(path, number, line), "one of them missing");
        return Err(LmError::setting(place, "input_ids and labels", found));
    };
    Ok(TokenRow {
        id,
        input_ids,
        labels,
    })
}
