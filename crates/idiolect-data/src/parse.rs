//! One row's fields to an example, by format.
//!
//! Sources of the formats: the alpaca and sharegpt layouts as LLaMA-Factory reads them
//! (rickyang1114/LLaMA-Factory@162ce422 `data/aligner.py`): instruction and input joined by a line
//! break, history as pairs. Text is never stripped.

use std::path::Path;

use serde_json::{Map, Value};

use crate::DataError;
use crate::columns::Columns;
use crate::example::{Example, Id, Message, Role};
use crate::format::Format;
use crate::rows::RawRow;

/// A row and where it stands, for errors.
pub(crate) struct Place<'a> {
    pub(crate) path: &'a Path,
    pub(crate) number: usize,
    pub(crate) row: &'a RawRow,
}

impl Place<'_> {
    pub(crate) fn error(
        &self,
        field: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> DataError {
        DataError::Field {
            path: self.path.to_owned(),
            row: self.number,
            line: self.row.line,
            field: field.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// A field that is there and not null.
    fn value(&self, field: &str) -> Option<&Value> {
        self.row.fields.get(field).filter(|value| !value.is_null())
    }

    fn missing(&self, field: &str, expected: &str) -> DataError {
        let found = match self.row.fields.get(field) {
            Some(value) => describe(value),
            None => format!("no such field among {}", names(&self.row.fields)),
        };
        self.error(field, expected, found)
    }

    fn optional_text(&self, field: &str) -> Result<Option<&str>, DataError> {
        let Some(value) = self.value(field) else {
            return Ok(None);
        };
        value
            .as_str()
            .map(Some)
            .ok_or_else(|| self.error(field, "a string", describe(value)))
    }

    fn text(&self, field: &str) -> Result<&str, DataError> {
        self.optional_text(field)?
            .ok_or_else(|| self.missing(field, "a string"))
    }

    fn list(&self, field: &str) -> Result<&[Value], DataError> {
        match self.value(field) {
            Some(Value::Array(list)) if !list.is_empty() => Ok(list),
            _ => Err(self.missing(field, "an array of turns")),
        }
    }
}

/// The example that a row holds.
pub(crate) fn example(
    place: &Place<'_>,
    format: Format,
    columns: &Columns,
) -> Result<Example, DataError> {
    let id = id(place, columns)?;
    let messages = match format {
        Format::Alpaca => alpaca(place, columns)?,
        Format::Sharegpt => sharegpt(place, columns)?,
        Format::Messages => turns(place, &columns.messages, "role", "content")?,
        Format::Text => {
            vec![Message {
                role: Role::Assistant,
                content: place.text(&columns.text)?.to_owned(),
            }]
        }
        Format::Tokens => {
            let (what, name) = ("data format with messages", format.to_string());
            let known = "alpaca, sharegpt, messages, text".to_owned();
            return Err(DataError::UnknownName { what, name, known });
        }
    };
    Ok(Example { id, messages })
}

fn id(place: &Place<'_>, columns: &Columns) -> Result<Id, DataError> {
    match place.value(&columns.id) {
        None => Ok(Id::from(place.number)),
        Some(id @ (Value::String(_) | Value::Number(_))) => Ok(id.clone()),
        Some(other) => Err(place.error(&columns.id, "a string or a number", describe(other))),
    }
}

fn alpaca(place: &Place<'_>, columns: &Columns) -> Result<Vec<Message>, DataError> {
    let mut messages = system(place, columns)?;
    for (question, answer) in history(place, &columns.history)? {
        messages.push(Message {
            role: Role::User,
            content: question,
        });
        messages.push(Message {
            role: Role::Assistant,
            content: answer,
        });
    }
    let parts = [
        place.text(&columns.instruction)?,
        place.optional_text(&columns.input)?.unwrap_or(""),
    ];
    let parts = parts
        .map(str::to_owned)
        .into_iter()
        .filter(|part| !part.is_empty());
    let content = parts.collect::<Vec<_>>().join("\n");
    messages.push(Message {
        role: Role::User,
        content,
    });
    if let Some(response) = place.optional_text(&columns.response)? {
        messages.push(Message {
            role: Role::Assistant,
            content: response.to_owned(),
        });
    }
    Ok(messages)
}

/// The system message of its own column; an empty one counts as none.
fn system(place: &Place<'_>, columns: &Columns) -> Result<Vec<Message>, DataError> {
    let text = place
        .optional_text(&columns.system)?
        .filter(|text| !text.is_empty());
    let message = |text: &str| Message {
        role: Role::System,
        content: text.to_owned(),
    };
    Ok(text.map(message).into_iter().collect())
}

fn history(place: &Place<'_>, field: &str) -> Result<Vec<(String, String)>, DataError> {
    let pair = |(at, value): (usize, &Value)| match value.as_array().map(Vec::as_slice) {
        Some([Value::String(question), Value::String(answer)]) => {
            Ok((question.clone(), answer.clone()))
        }
        _ => Err(place.error(
            format!("{field}[{at}]"),
            "a pair of strings",
            describe(value),
        )),
    };
    match place.value(field) {
        None => Ok(Vec::new()),
        Some(Value::Array(pairs)) => pairs.iter().enumerate().map(pair).collect(),
        Some(other) => Err(place.error(field, "an array of pairs", describe(other))),
    }
}

fn sharegpt(place: &Place<'_>, columns: &Columns) -> Result<Vec<Message>, DataError> {
    let mut messages = system(place, columns)?;
    let turns = turns(place, &columns.conversations, "from", "value")?;
    if let (Some(_), Some(first)) = (messages.first(), turns.first())
        && first.role == Role::System
    {
        let field = format!("{}[0]", columns.conversations);
        let expected = format!("one system message, {} has one already", columns.system);
        return Err(place.error(field, expected, "another one"));
    }
    messages.extend(turns);
    Ok(messages)
}

/// A list of turns, in the order that an example asks for.
fn turns(
    place: &Place<'_>,
    field: &str,
    role_key: &str,
    text_key: &str,
) -> Result<Vec<Message>, DataError> {
    let list = place.list(field)?;
    let mut messages: Vec<Message> = Vec::with_capacity(list.len());
    for (at, turn) in list.iter().enumerate() {
        let role = role(place, &format!("{field}[{at}].{role_key}"), &turn[role_key])?;
        let expected = expected_roles(messages.last());
        if !expected.contains(&role) {
            let expected: Vec<_> = expected.iter().map(|role| role.as_str()).collect();
            let expected = format!("a turn of {}", expected.join(" or "));
            let found = format!("a turn of {}", role.as_str());
            return Err(place.error(format!("{field}[{at}].{role_key}"), expected, found));
        }
        let Value::String(content) = &turn[text_key] else {
            let name = format!("{field}[{at}].{text_key}");
            return Err(place.error(name, "a string", describe_in(turn, text_key)));
        };
        messages.push(Message {
            role,
            content: content.clone(),
        });
    }
    match messages.as_slice() {
        [only] if only.role == Role::System => {
            Err(place.error(field, "a turn of user", "a system message alone"))
        }
        _ => Ok(messages),
    }
}

fn expected_roles(last: Option<&Message>) -> &'static [Role] {
    match last.map(|message| message.role) {
        None => &[Role::System, Role::User],
        Some(Role::System | Role::Assistant) => &[Role::User],
        Some(Role::User) => &[Role::Assistant],
    }
}

/// The names of the roles in sharegpt and in messages rows; they do not collide.
fn role(place: &Place<'_>, field: &str, value: &Value) -> Result<Role, DataError> {
    match value.as_str() {
        Some("system") => Ok(Role::System),
        Some("user" | "human") => Ok(Role::User),
        Some("assistant" | "gpt") => Ok(Role::Assistant),
        _ => {
            let messages = field.ends_with(".role");
            let known = if messages {
                "system, user, assistant"
            } else {
                "system, human, gpt"
            };
            Err(place.error(field, format!("a role out of {known}"), describe(value)))
        }
    }
}

fn describe_in(turn: &Value, key: &str) -> String {
    match turn {
        Value::Object(fields) if !fields.contains_key(key) => {
            format!("no such field among {}", names(fields))
        }
        Value::Object(fields) => describe(&fields[key]),
        other => describe(other),
    }
}

fn names(fields: &Map<String, Value>) -> String {
    let names: Vec<_> = fields.keys().take(12).map(String::as_str).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// A value in a few words, for errors.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= 40 => format!("{text:?}"),
        Value::String(text) => format!("a string of {} characters", text.chars().count()),
        Value::Array(list) => format!("an array of {}", list.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}
