//! The prompts that are answered, and the plain texts: those that come with the crate, or a user's own.
//!
//! Their order is fixed and the first are taken, so that fewer prompts are a part of more.

use std::path::Path;

use idiolect_data::{RawRow, read_rows};
use idiolect_lm::rows::read_prompts;
use idiolect_lm::{ModelPrompt, PromptRow, RowAdapter};
use serde::Deserialize;
use serde_json::Value;

use crate::ForgettingError;

const QUESTIONS: &str = include_str!("../prompts/questions.jsonl");
const TEXTS: &str = include_str!("../prompts/texts.jsonl");

#[derive(Deserialize)]
struct Question {
    id: String,
    prompt: String,
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

/// The questions that the crate has: what the base model is asked where no other prompts are given, in their order.
///
/// # Errors
///
/// [`ForgettingError::Setting`] where the crate's own file is damaged.
pub fn questions() -> Result<Vec<PromptRow>, ForgettingError> {
    prompts(None)
}

/// Prompts of a file, or those of the crate.
pub(crate) fn prompts(own: Option<&Path>) -> Result<Vec<PromptRow>, ForgettingError> {
    if let Some(path) = own {
        return Ok(read_prompts(path)?);
    }
    let row = |line| {
        let Question { id, prompt } = serde_json::from_str(line)?;
        Ok(PromptRow {
            id: id.into(),
            prompt: ModelPrompt::user(&prompt),
            adapter: RowAdapter::Given,
        })
    };
    let rows: Result<_, serde_json::Error> = QUESTIONS.lines().map(row).collect();
    rows.map_err(|error| own_file("questions.jsonl", &error))
}

/// Texts of a file, or those of the crate.
pub(crate) fn texts(own: Option<&Path>) -> Result<Vec<String>, ForgettingError> {
    if let Some(path) = own {
        let rows = read_rows(path)?.rows;
        return rows.into_iter().map(|row| text(path, row)).collect();
    }
    let row = |line| serde_json::from_str(line).map(|Text { text }| text);
    let rows: Result<_, serde_json::Error> = TEXTS.lines().map(row).collect();
    rows.map_err(|error| own_file("texts.jsonl", &error))
}

fn text(path: &Path, mut row: RawRow) -> Result<String, ForgettingError> {
    match row.fields.remove("text") {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text),
        other => Err(ForgettingError::Text {
            path: path.to_owned(),
            line: row.line,
            found: other.map_or("nothing".to_owned(), |value| kind(&value).to_owned()),
        }),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "an empty text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A file of the crate that does not parse; a test holds that both do.
fn own_file(name: &'static str, error: &serde_json::Error) -> ForgettingError {
    ForgettingError::setting(name, "JSON Lines", error)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_questions_are_there_once_each_and_none_is_long() {
        let rows = prompts(None).unwrap();
        assert_eq!(rows.len(), 574);
        let ids: BTreeSet<String> = rows.iter().map(|row| row.id.to_string()).collect();
        assert_eq!(ids.len(), rows.len());
        for source in ["arena_hard/", "mt_bench/", "vicuna_bench/"] {
            assert!(ids.iter().any(|id| id.contains(source)), "{source}");
        }
        assert_eq!(texts(None).unwrap().len(), 12);
    }

    #[test]
    fn a_row_without_text_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("texts.jsonl");
        for (row, found) in [
            (r#"{"text": 3}"#, "found a number"),
            (r#"{"text": " "}"#, "found an empty text"),
            (r#"{"words": "a"}"#, "found nothing"),
        ] {
            std::fs::write(&path, format!("{{\"text\": \"a\"}}\n{row}\n")).unwrap();
            let error = texts(Some(&path)).unwrap_err().to_string();
            assert!(
                error.contains("line 2") && error.ends_with(found),
                "{error}"
            );
        }
    }
}
