//! How a data set calls the fields of a built-in format.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::DataError;

/// Names of the fields that the formats read; other fields are kept and not looked at.
///
/// The defaults are the names that alpaca, sharegpt and messages data sets use.
/// As text it is a list of the names that differ: `instruction=question,response=answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// The row's id, in every format; default `id`.
    pub id: String,
    /// The task, in alpaca rows; default `instruction`.
    pub instruction: String,
    /// What the task is about, in alpaca rows, put on a new line after it; default `input`.
    pub input: String,
    /// The answer, in alpaca rows; default `output`.
    pub response: String,
    /// Earlier pairs of question and answer, in alpaca rows; default `history`.
    pub history: String,
    /// The system message, in alpaca and sharegpt rows; default `system`.
    pub system: String,
    /// The turns of sharegpt rows; default `conversations`.
    pub conversations: String,
    /// The turns of messages rows; default `messages`.
    pub messages: String,
    /// The prompt of prompt-completion rows; default `prompt`.
    pub prompt: String,
    /// The completion of prompt-completion rows; default `completion`.
    pub completion: String,
    /// The text of text rows; default `text`.
    pub text: String,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            id: "id".into(),
            instruction: "instruction".into(),
            input: "input".into(),
            response: "output".into(),
            history: "history".into(),
            system: "system".into(),
            conversations: "conversations".into(),
            messages: "messages".into(),
            prompt: "prompt".into(),
            completion: "completion".into(),
            text: "text".into(),
        }
    }
}

const NAMES: &str = "id, instruction, input, response, history, system, conversations, messages, prompt, completion, text";

impl Columns {
    fn set(&mut self, column: &str, name: &str) -> Result<(), DataError> {
        let field = match column {
            "id" => &mut self.id,
            "instruction" => &mut self.instruction,
            "input" => &mut self.input,
            "response" => &mut self.response,
            "history" => &mut self.history,
            "system" => &mut self.system,
            "conversations" => &mut self.conversations,
            "messages" => &mut self.messages,
            "prompt" => &mut self.prompt,
            "completion" => &mut self.completion,
            "text" => &mut self.text,
            _ => {
                let (what, name, known) = ("column", column.to_owned(), NAMES.to_owned());
                return Err(DataError::UnknownName { what, name, known });
            }
        };
        name.clone_into(field);
        Ok(())
    }
}

impl FromStr for Columns {
    type Err = DataError;

    /// Reads `column=name` pairs with commas between; columns that are not named keep their default.
    fn from_str(text: &str) -> Result<Self, DataError> {
        let mut columns = Self::default();
        for pair in text
            .split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
        {
            let (column, name) = pair.split_once('=').unwrap_or((pair, ""));
            if name.trim().is_empty() {
                return Err(DataError::UnknownName {
                    what: "column without a name:",
                    name: pair.to_owned(),
                    known: format!("column=name with a column out of {NAMES}"),
                });
            }
            columns.set(column.trim(), name.trim())?;
        }
        Ok(columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_columns_move() {
        let columns: Columns = "instruction=question, response=answer".parse().unwrap();
        let expected = Columns {
            instruction: "question".into(),
            response: "answer".into(),
            ..Columns::default()
        };
        assert_eq!(columns, expected);
        assert_eq!("".parse::<Columns>().unwrap(), Columns::default());
    }

    #[test]
    fn an_unknown_column_is_named() {
        let error = "answer=response"
            .parse::<Columns>()
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("column \"answer\" unknown, expected one of: id,"),
            "{error}"
        );
        let error = "input".parse::<Columns>().unwrap_err().to_string();
        assert!(
            error.contains("\"input\" unknown, expected one of: column=name"),
            "{error}"
        );
    }
}
