//! Rows of files that are no data set: prompts, rows to score, ready token rows, and what comes of them.

mod adapter;

use std::path::Path;

use idiolect_completion::Progress;
use idiolect_data::{
    BadRows, Example, Id, Message, RawRow, RawRows, Role, Row, RowFormat, SkippedRow, id_text,
    read_rows,
};
use idiolect_generate::{FinishReason, Generated};
use idiolect_tokens::TokenRow;
use serde::{Deserialize, Serialize};

use crate::LmError;

pub use adapter::RowAdapter;

/// What a model is asked to continue.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ModelPrompt {
    /// A conversation that ends with a user's turn.
    Messages(Vec<Message>),
    /// The prompt of an example, with its tools.
    Example(Box<Example>),
    /// Token ids, taken as they are.
    Tokens(Vec<u32>),
    /// Text without a template, behind the beginning-of-text token where the tokenizer puts one and the text does not
    /// begin with it. Special tokens that are spelt in it are recognised.
    Text(String),
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
    vec![Message::new(Role::User, text)]
}

/// One row of a prompt file.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptRow {
    /// Echoed in the result.
    pub id: Id,
    /// What to continue.
    pub prompt: ModelPrompt,
    /// What goes on the model for it.
    pub adapter: RowAdapter,
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

/// The fields of a token row.
#[derive(Deserialize)]
struct Fields {
    id: Option<Id>,
    input_ids: Option<Vec<u32>>,
    labels: Option<Vec<i64>>,
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

/// The example that a row holds, in whichever format it is; none for a row of no format.
fn example(path: &Path, number: usize, row: RawRow) -> Result<Option<Example>, LmError> {
    let Some(format) = RowFormat::of_row(&row) else {
        return Ok(None);
    };
    Ok(Some(Row::new(path, number, row, &format)?.example))
}

/// How errors name a row.
fn place(path: &Path, number: usize, line: usize) -> String {
    format!("{}: row {number} (line {line})", path.display())
}

/// Reads prompts: `input_ids`, or rows of any format of data sets, whose last response is left out; and [`RowAdapter`].
///
/// # Errors
///
/// [`LmError::Data`] for an unreadable file or row; [`LmError::Setting`] names the row without a prompt.
pub fn read_prompts(path: &Path) -> Result<Vec<PromptRow>, LmError> {
    Ok(read_prompts_with(path, BadRows::Error)?.rows)
}

/// [`read_prompts`] with what becomes of rows that are none.
///
/// # Errors
///
/// As [`read_prompts`].
pub fn read_prompts_with(path: &Path, bad_rows: BadRows) -> Result<KeptRows<PromptRow>, LmError> {
    each(path, bad_rows, |number, row| {
        let line = row.line;
        let missing = || {
            let expected = "prompt, messages or input_ids";
            LmError::setting(place(path, number, line), expected, "none of them")
        };
        let adapter = RowAdapter::of(&row, &place(path, number, line))?;
        if row.fields.contains_key("input_ids") {
            let (id, fields) = fields(path, number, row)?;
            let prompt = ModelPrompt::Tokens(fields.input_ids.ok_or_else(missing)?);
            return Ok(PromptRow {
                id,
                prompt,
                adapter,
            });
        }
        let example = example(path, number, row)?.ok_or_else(missing)?;
        if example.prompt().is_empty() {
            return Err(missing());
        }
        let id = example.id.clone();
        let is_plain = example.tools.is_empty() && example.variables.is_empty();
        let prompt = if is_plain {
            ModelPrompt::Messages(example.prompt().to_vec())
        } else {
            ModelPrompt::Example(Box::new(example))
        };
        Ok(PromptRow {
            id,
            prompt,
            adapter,
        })
    })
}

/// Rows of a file that can be used, and those that were left out.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRows<T> {
    /// The rows, in the file's order.
    pub rows: Vec<T>,
    /// Those that cannot be used.
    pub skipped: Vec<SkippedRow>,
}

/// Reads each row of a file; where none can be used, the first one's fault is the error.
fn each<T>(
    path: &Path,
    bad_rows: BadRows,
    one: impl Fn(usize, RawRow) -> Result<T, LmError>,
) -> Result<KeptRows<T>, LmError> {
    let RawRows { rows, .. } = read_rows(path)?;
    let mut kept = KeptRows {
        rows: Vec::with_capacity(rows.len()),
        skipped: Vec::new(),
    };
    let mut first = None;
    for (number, row) in rows.into_iter().enumerate() {
        let (line, id) = (row.line, row.fields.get("id").cloned());
        match one(number, row) {
            Ok(row) => kept.rows.push(row),
            Err(error) if bad_rows == BadRows::Skip => {
                let id = id.filter(|id| id.is_string() || id.is_number());
                kept.skipped.push(SkippedRow {
                    file: Some(path.to_owned()),
                    line: Some(line),
                    ..SkippedRow::new(id.unwrap_or_else(|| number.into()), &error)
                });
                first.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match first {
        Some(error) if kept.rows.is_empty() => Err(error),
        _ => Ok(kept),
    }
}

/// A row to score.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ScoreRow {
    /// A conversation; every response in it that would be trained is scored.
    Example(Example),
    /// Token ids with labels beside them.
    Tokens(TokenRow),
}

impl ScoreRow {
    /// The row's id.
    #[must_use]
    pub fn id(&self) -> &Id {
        match self {
            Self::Example(example) => &example.id,
            Self::Tokens(row) => &row.id,
        }
    }
}

/// Reads rows to score: `prompt` and `response`, `input_ids` and `labels`, or rows of any format of data sets.
///
/// # Errors
///
/// As [`read_prompts`].
pub fn read_scores(path: &Path) -> Result<Vec<ScoreRow>, LmError> {
    Ok(read_scores_with(path, BadRows::Error)?.rows)
}

/// [`read_scores`] with what becomes of rows that are none.
///
/// # Errors
///
/// As [`read_scores`].
pub fn read_scores_with(path: &Path, bad_rows: BadRows) -> Result<KeptRows<ScoreRow>, LmError> {
    each(path, bad_rows, |number, row| {
        let line = row.line;
        let has = |name: &str| row.fields.contains_key(name);
        if has("input_ids") && has("labels") {
            return token_row(path, number, row).map(ScoreRow::Tokens);
        }
        let missing = || {
            let expected = "prompt and response, messages, alpaca, sharegpt, prompt-completion, \
                            question and answer, text, or input_ids and labels";
            LmError::setting(place(path, number, line), expected, "other fields")
        };
        let example = example(path, number, row)?.ok_or_else(missing)?;
        Ok(ScoreRow::Example(example))
    })
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
        teacher: Vec::new(),
    })
}

/// One line for each row that is left out.
pub(crate) fn tell_skipped(rows: &[SkippedRow], progress: &dyn Progress) {
    for SkippedRow { id, problem, .. } in rows {
        progress.note(&format!("row {} is skipped: {problem}", id_text(id)));
    }
}
