//! One row's fields to an example, by format.
//!
//! Sources of the formats: the alpaca and sharegpt layouts as LLaMA-Factory reads them
//! (rickyang1114/LLaMA-Factory@162ce422 `data/aligner.py`): instruction and input joined by a line
//! break, history as pairs. Text is never stripped.

use serde_json::Value;

use crate::DataError;
use crate::example::{Example, Id, Message, Role};
use crate::format::Columns;
use crate::format::Format;
use crate::place::{Place, describe, describe_in};

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
        Format::Text => vec![message(Role::Assistant, place.text(&columns.text)?)],
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
        messages.push(message(Role::User, &question));
        messages.push(message(Role::Assistant, &answer));
    }
    let instruction = place.text(&columns.instruction)?;
    let input = place.optional_text(&columns.input)?.unwrap_or("");
    let between = if instruction.is_empty() || input.is_empty() {
        ""
    } else {
        "\n"
    };
    messages.push(message(
        Role::User,
        &format!("{instruction}{between}{input}"),
    ));
    if let Some(response) = place.optional_text(&columns.response)? {
        messages.push(message(Role::Assistant, response));
    }
    Ok(messages)
}

/// The system message of its own column; an empty one counts as none.
fn system(place: &Place<'_>, columns: &Columns) -> Result<Vec<Message>, DataError> {
    let text = place
        .optional_text(&columns.system)?
        .filter(|text| !text.is_empty());
    let message = |text: &str| message(Role::System, text);
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
        let role = role(place, &format!("{field}[{at}]"), role_key, turn)?;
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
fn role(place: &Place<'_>, field: &str, key: &str, turn: &Value) -> Result<Role, DataError> {
    match turn[key].as_str() {
        Some("system") => Ok(Role::System),
        Some("user" | "human") => Ok(Role::User),
        Some("assistant" | "gpt") => Ok(Role::Assistant),
        _ => {
            let chat = key == "role";
            let known = if chat {
                "system, user, assistant"
            } else {
                "system, human, gpt"
            };
            let expected = format!("a role out of {known}");
            Err(place.error(format!("{field}.{key}"), expected, describe_in(turn, key)))
        }
    }
}

fn message(role: Role, content: &str) -> Message {
    let content = content.to_owned();
    Message { role, content }
}
