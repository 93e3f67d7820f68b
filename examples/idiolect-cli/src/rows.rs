//! Rows in and out of the commands that are no data set: prompts, token rows, results.

use std::io::Write;
use std::path::Path;

use idiolect::data::{Id, Message, RawRow, RawRows, Role, read_rows, write_atomically};
use idiolect::tokens::TokenRow;
use serde::{Deserialize, Serialize};

use crate::error::CliError;

/// What a model is asked to continue.
#[derive(Debug, Clone, PartialEq)]
pub enum Prompt {
    /// A conversation that ends with a user's turn.
    Messages(Vec<Message>),
    /// Token ids, taken as they are.
    Tokens(Vec<u32>),
}

/// One row of a prompt file.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptRow {
    /// Echoed in the result.
    pub id: Id,
    /// What to continue.
    pub prompt: Prompt,
}

/// A user's turn.
#[must_use]
pub fn user(text: &str) -> Vec<Message> {
    vec![Message {
        role: Role::User,
        content: text.into(),
    }]
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

fn fields(path: &Path, number: usize, row: RawRow) -> Result<(Id, Fields), CliError> {
    let place = place(path, number, row.line);
    let mut fields: Fields = serde_json::from_value(row.fields.into())
        .map_err(|error| CliError::setting(&place, "fields of the right kind", error))?;
    let id = fields.id.take().unwrap_or_else(|| number.into());
    if !(id.is_string() || id.is_number()) {
        return Err(CliError::setting(
            &format!("{place}: id"),
            "a string or a number",
            id,
        ));
    }
    Ok((id, fields))
}

/// How errors name a row.
pub(crate) fn place(path: &Path, number: usize, line: usize) -> String {
    format!("{}: row {number} (line {line})", path.display())
}

/// Reads prompts: `prompt`, `messages` or `input_ids`.
///
/// # Errors
///
/// [`CliError::Data`] for an unreadable file; [`CliError::Setting`] names the row without a prompt.
pub fn read_prompts(path: &Path) -> Result<Vec<PromptRow>, CliError> {
    let RawRows { rows, .. } = read_rows(path)?;
    let one = |(number, row): (usize, RawRow)| {
        let line = row.line;
        let (id, mut fields) = fields(path, number, row)?;
        let prompt = match fields.input_ids.take() {
            Some(ids) => Some(Prompt::Tokens(ids)),
            None => fields.conversation().map(Prompt::Messages),
        };
        let missing = || {
            let expected = "prompt, messages or input_ids";
            CliError::setting(&place(path, number, line), expected, "none of them")
        };
        Ok(PromptRow {
            id,
            prompt: prompt.ok_or_else(missing)?,
        })
    };
    rows.into_iter().enumerate().map(one).collect()
}

/// What `score` is given.
#[derive(Debug, Clone, PartialEq)]
pub enum ScoreRow {
    /// A conversation; every response in it is scored.
    Messages(Id, Vec<Message>),
    /// Token ids with labels beside them.
    Tokens(TokenRow),
}

/// Reads rows to score: `prompt` and `response`, `messages`, or `input_ids` and `labels`.
///
/// # Errors
///
/// As [`read_prompts`].
pub fn read_scores(path: &Path) -> Result<Vec<ScoreRow>, CliError> {
    let RawRows { rows, .. } = read_rows(path)?;
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
            let expected = "prompt and response, messages, or input_ids and labels";
            CliError::setting(&place(path, number, line), expected, "other fields")
        };
        messages
            .map(|messages| ScoreRow::Messages(id, messages))
            .ok_or_else(missing)
    };
    rows.into_iter().enumerate().map(one).collect()
}

/// Reads ready token rows.
///
/// # Errors
///
/// As [`read_prompts`].
pub fn read_tokens(path: &Path) -> Result<Vec<TokenRow>, CliError> {
    let RawRows { rows, .. } = read_rows(path)?;
    let rows = rows.into_iter().enumerate();
    rows.map(|(number, row)| token_row(path, number, row))
        .collect()
}

/// The ready token row that a row of a file holds.
///
/// # Errors
///
/// [`CliError::Setting`] names the row that holds none.
pub fn token_row(path: &Path, number: usize, row: RawRow) -> Result<TokenRow, CliError> {
    let line = row.line;
    let (id, fields) = fields(path, number, row)?;
    let (Some(input_ids), Some(labels)) = (fields.input_ids, fields.labels) else {
        let (place, found) = (place(path, number, line), "one of them missing");
        return Err(CliError::setting(&place, "input_ids and labels", found));
    };
    Ok(TokenRow {
        id,
        input_ids,
        labels,
    })
}

/// Writes rows as JSON Lines: to a file, whole or not at all, or to standard output.
///
/// # Errors
///
/// [`CliError::Data`] or [`CliError::Io`] when they cannot be written.
pub fn write_lines<T: Serialize>(out: Option<&Path>, rows: &[T]) -> Result<(), CliError> {
    let write = |to: &mut dyn Write| {
        for row in rows {
            serde_json::to_writer(&mut *to, row)?;
            to.write_all(b"\n")?;
        }
        to.flush()
    };
    match out {
        Some(path) => Ok(write_atomically(path, write)?),
        None => write(&mut std::io::stdout().lock()).map_err(CliError::io("standard output")),
    }
}
