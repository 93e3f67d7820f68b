//! One row's fields to an example, as its format describes them.
//!
//! Instruction and input are joined by a line break, as LLaMA-Factory does
//! (rickyang1114/LLaMA-Factory@162ce422 `data/aligner.py`). Text is never stripped.

use serde_json::Value;

use super::example::{Example, Id, Message, Role};
use super::fields::Place;
use super::row_format::{PairFields, RoleNames, RowFormat, RowShape, TurnFields};
use crate::DataError;
use crate::rows::{describe, describe_in};

/// The example that a row holds.
pub(crate) fn example(place: &Place<'_>, format: &RowFormat) -> Result<Example, DataError> {
    let id = id(place, &format.id)?;
    let messages = match &format.shape {
        RowShape::Pair(fields) => pair(place, fields)?,
        RowShape::Turns(fields) => conversation(place, fields)?,
        RowShape::Text(fields) => vec![message(Role::Assistant, place.text(&fields.text)?)],
    };
    Ok(Example { id, messages })
}

fn id(place: &Place<'_>, field: &str) -> Result<Id, DataError> {
    match place.value(field) {
        None => Ok(Id::from(place.number)),
        Some(id @ (Value::String(_) | Value::Number(_))) => Ok(id.clone()),
        Some(other) => Err(place.error(field, "a string or a number", describe(other))),
    }
}

fn pair(place: &Place<'_>, fields: &PairFields) -> Result<Vec<Message>, DataError> {
    let mut messages = system(place, fields.system.as_deref())?;
    for (question, answer) in history(place, fields.history.as_deref())? {
        messages.push(message(Role::User, &question));
        messages.push(message(Role::Assistant, &answer));
    }
    let instruction = place.text(&fields.instruction)?;
    let input = optional_text(place, fields.input.as_deref())?.unwrap_or("");
    let is_alone = instruction.is_empty() || input.is_empty();
    let between = if is_alone { "" } else { "\n" };
    messages.push(message(
        Role::User,
        &format!("{instruction}{between}{input}"),
    ));
    if let Some(response) = place.optional_text(&fields.response)? {
        messages.push(message(Role::Assistant, response));
    }
    Ok(messages)
}

/// The system message of its own field; an empty one counts as none.
fn system(place: &Place<'_>, field: Option<&str>) -> Result<Vec<Message>, DataError> {
    let text = optional_text(place, field)?.filter(|text| !text.is_empty());
    let message = |text: &str| message(Role::System, text);
    Ok(text.map(message).into_iter().collect())
}

/// The text of a field that the format may lack, and the row too.
fn optional_text<'a>(
    place: &'a Place<'_>,
    field: Option<&str>,
) -> Result<Option<&'a str>, DataError> {
    field.map_or(Ok(None), |field| place.optional_text(field))
}

fn history(place: &Place<'_>, field: Option<&str>) -> Result<Vec<(String, String)>, DataError> {
    let Some(field) = field else {
        return Ok(Vec::new());
    };
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

fn conversation(place: &Place<'_>, fields: &TurnFields) -> Result<Vec<Message>, DataError> {
    let mut messages = system(place, fields.system.as_deref())?;
    let turns = turns(place, fields)?;
    if let (Some(_), Some(first), Some(system)) = (messages.first(), turns.first(), &fields.system)
        && first.role == Role::System
    {
        let field = format!("{}[0]", fields.turns);
        let expected = format!("one system message, {system} has one already");
        return Err(place.error(field, expected, "another one"));
    }
    messages.extend(turns);
    Ok(messages)
}

/// A list of turns, in the order that an example asks for.
fn turns(place: &Place<'_>, fields: &TurnFields) -> Result<Vec<Message>, DataError> {
    let list = place.list(&fields.turns)?;
    let mut messages: Vec<Message> = Vec::with_capacity(list.len());
    for (at, turn) in list.iter().enumerate() {
        let field = format!("{}[{at}]", fields.turns);
        let role = role(place, &format!("{field}.{}", fields.role), fields, turn)?;
        let expected = expected_roles(messages.last());
        if !expected.contains(&role) {
            let expected: Vec<_> = expected.iter().map(|role| role.as_str()).collect();
            let expected = format!("a turn of {}", expected.join(" or "));
            let found = format!("a turn of {}", role.as_str());
            return Err(place.error(format!("{field}.{}", fields.role), expected, found));
        }
        let Value::String(content) = &turn[&fields.text] else {
            let found = describe_in(turn, &fields.text);
            return Err(place.error(format!("{field}.{}", fields.text), "a string", found));
        };
        messages.push(message(role, content));
    }
    match messages.as_slice() {
        [only] if only.role == Role::System => {
            Err(place.error(&fields.turns, "a turn of user", "a system message alone"))
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

fn role(
    place: &Place<'_>,
    field: &str,
    fields: &TurnFields,
    turn: &Value,
) -> Result<Role, DataError> {
    let roles = &fields.roles;
    let named = |name: &str| roles.all().find(|(_, own)| *own == name);
    if let Some((role, _)) = turn[&fields.role].as_str().and_then(named) {
        return Ok(role);
    }
    let expected = format!("a role out of {}", names(roles).join(", "));
    Err(place.error(field, expected, describe_in(turn, &fields.role)))
}

fn names(roles: &RoleNames) -> [&str; 3] {
    [Role::System, Role::User, Role::Assistant].map(|role| roles.written(role))
}

fn message(role: Role, content: &str) -> Message {
    let content = content.to_owned();
    Message { role, content }
}
