//! Rows of files that are no data set: prompts, rows to score, ready token rows, and what comes of them.

mod adapter;
mod kept;

use std::path::Path;

use idiolect_completion::Progress;
use idiolect_data::{
    BadRows, Example, Id, Message, RawRow, RawRows, Role, Row, RowFormat, SkippedRow, id_text,
    read_rows,
};
use idiolect_generate::{FinishReason, Generated};
use idiolect_tokens::TokenRow;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::LmError;

pub use adapter::RowAdapter;
use kept::Keeping;
pub(crate) use kept::KeptRows;

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

/// A row's id: its own, or its number.
fn id_of(row: &RawRow, number: usize, place: &str) -> Result<Id, LmError> {
    match row.fields.get("id") {
        None | Some(Id::Null) => Ok(number.into()),
        Some(id) if id.is_string() || id.is_number() => Ok(id.clone()),
        Some(other) => Err(LmError::setting("id", "a string or a number", other).at(place)),
    }
}

/// Whole numbers of a field of token ids or labels; none where there is no such field.
fn numbers<N: DeserializeOwned>(
    row: &mut RawRow,
    name: &str,
    place: &str,
) -> Result<Option<Vec<N>>, LmError> {
    let found = row.fields.remove(name).filter(|found| !found.is_null());
    let numbers = found.map(serde_json::from_value);
    let expected = "a list of token ids, or of labels, which are token ids or -100";
    let refuse = |error| LmError::setting(name, expected, error).at(place);
    numbers.transpose().map_err(refuse)
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
pub(crate) fn read_prompts_with(
    path: &Path,
    bad_rows: BadRows,
) -> Result<KeptRows<PromptRow>, LmError> {
    each(path, bad_rows, |number, row| {
        let place = place(path, number, row.line);
        let adapter = RowAdapter::of(&row, &place)?;
        let (id, prompt) = prompt(path, number, row, &place)?;
        Ok(PromptRow {
            id,
            prompt,
            adapter,
        })
    })
}

/// A row's id, and what is to be continued of it.
fn prompt(
    path: &Path,
    number: usize,
    mut row: RawRow,
    place: &str,
) -> Result<(Id, ModelPrompt), LmError> {
    let missing = || {
        let expected = "prompt, messages or input_ids";
        LmError::setting(place, expected, "none of them")
    };
    if row.fields.contains_key("input_ids") {
        let id = id_of(&row, number, place)?;
        let ids = numbers(&mut row, "input_ids", place)?.ok_or_else(missing)?;
        return Ok((id, ModelPrompt::Tokens(ids)));
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
    Ok((id, prompt))
}

/// Reads each row of a file; where none can be used, the first one's fault is the error.
fn each<T>(
    path: &Path,
    bad_rows: BadRows,
    one: impl Fn(usize, RawRow) -> Result<T, LmError>,
) -> Result<KeptRows<T>, LmError> {
    let RawRows { rows, .. } = read_rows(path)?;
    let mut keeping = Keeping::new(path, bad_rows, Vec::new());
    for (number, row) in rows.into_iter().enumerate() {
        let (line, id) = (row.line, row.fields.get("id").cloned());
        let id = id.filter(|id| id.is_string() || id.is_number());
        let id = id.unwrap_or_else(|| number.into());
        keeping.take(line, id, one(number, row))?;
    }
    keeping.done()
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
pub(crate) fn read_scores_with(
    path: &Path,
    bad_rows: BadRows,
) -> Result<KeptRows<ScoreRow>, LmError> {
    each(path, bad_rows, |number, row| {
        let line = row.line;
        RowAdapter::refuse(&row, &place(path, number, line))?;
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
pub fn token_row(path: &Path, number: usize, mut row: RawRow) -> Result<TokenRow, LmError> {
    let place = place(path, number, row.line);
    let id = id_of(&row, number, &place)?;
    let input_ids = numbers(&mut row, "input_ids", &place)?;
    let labels = numbers(&mut row, "labels", &place)?;
    let (Some(input_ids), Some(labels)) = (input_ids, labels) else {
        let found = "one of them missing";
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
