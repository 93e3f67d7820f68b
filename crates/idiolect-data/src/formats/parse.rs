//! One row's fields to an example, as its format describes them.
//!
//! Instruction and input are joined by a line break, as LLaMA-Factory does
//! (rickyang1114/LLaMA-Factory@162ce422 `data/aligner.py`). Text is never stripped.

use serde_json::{Map, Value};

use super::example::{Example, Id, Message, Role};
use super::fields::Place;
use super::row_format::{CompletionFields, PairFields, RowFormat, RowShape, TurnFields};
use super::turn::Turn;
use crate::DataError;
use crate::rows::describe;

/// The example that a row holds.
pub(crate) fn example(place: &Place<'_>, format: &RowFormat) -> Result<Example, DataError> {
    let id = id(place, &format.id)?;
    let messages = match &format.shape {
        RowShape::Pair(fields) => pair(place, fields)?,
        RowShape::Turns(fields) => conversation(place, fields)?,
        RowShape::Completion(fields) => completion(place, fields)?,
        RowShape::Text(fields) => vec![message(Role::Assistant, place.text(&fields.text)?)],
    };
    Ok(Example {
        id,
        messages,
        tools: tools(place)?,
        variables: variables(place)?,
    })
}

fn id(place: &Place<'_>, field: &str) -> Result<Id, DataError> {
    match place.value(field) {
        None => Ok(Id::from(place.number)),
        Some(id @ (Value::String(_) | Value::Number(_))) => Ok(id.clone()),
        Some(other) => Err(place.error(field, "a string or a number", describe(other))),
    }
}

/// The definitions of tools that a row brings, as JSON or as the text of it.
fn tools(place: &Place<'_>) -> Result<Vec<Value>, DataError> {
    if let Some(functions) = place.value("functions") {
        let expected = "tools in their place, this older form is not read";
        return Err(place.error("functions", expected, describe(functions)));
    }
    let wrong = |value: &Value| {
        let expected = "an array of definitions of tools";
        place.error("tools", expected, describe(value))
    };
    match place.json("tools") {
        None => Ok(Vec::new()),
        Some(Value::Array(tools)) => match tools.iter().find(|tool| !tool.is_object()) {
            Some(tool) => Err(wrong(tool)),
            None => Ok(tools),
        },
        Some(other) => Err(wrong(&other)),
    }
}

/// Values for the chat template that a row brings, as TRL reads them.
fn variables(place: &Place<'_>) -> Result<Map<String, Value>, DataError> {
    const FIELD: &str = "chat_template_kwargs";
    match place.json(FIELD) {
        None => Ok(Map::new()),
        Some(Value::Object(values)) => Ok(values),
        Some(other) => {
            let expected = "values by their names";
            Err(place.error(FIELD, expected, describe(&other)))
        }
    }
}

/// A prompt and its completion, two texts or two lists of turns, of which the second is trained: TRL's form.
fn completion(place: &Place<'_>, fields: &CompletionFields) -> Result<Vec<Message>, DataError> {
    let part = |field: &str, role| -> Result<Vec<Message>, DataError> {
        match place.value(field) {
            Some(Value::Array(list)) if !list.is_empty() => {
                let as_turns = CompletionFields::turns(field);
                turns(place, &as_turns, list)
            }
            _ => Ok(vec![message(role, place.text(field)?)]),
        }
    };
    let mut messages = part(&fields.prompt, Role::User)?;
    for asked in &mut messages {
        asked.trained = asked.role != Role::Assistant;
    }
    if place.value(&fields.completion).is_some() {
        messages.extend(part(&fields.completion, Role::Assistant)?);
    }
    Ok(messages)
}

fn pair(place: &Place<'_>, fields: &PairFields) -> Result<Vec<Message>, DataError> {
    let mut messages = system(place, fields.system.as_deref())?;
    for (question, answer) in history(place, fields.history.as_deref())? {
        messages.push(message(Role::User, &question));
        messages.push(message(Role::Assistant, &answer));
    }
    let instruction = place.text(&fields.instruction)?;
    // A column that is the question is not what it is about, too.
    let about = fields.input.as_deref();
    let about = about.filter(|name| *name != fields.instruction);
    let input = optional_text(place, about)?.unwrap_or("");
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
    let turns = turns(place, fields, place.list(&fields.turns)?)?;
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

/// A list of turns; their order is for the template to judge.
fn turns(
    place: &Place<'_>,
    fields: &TurnFields,
    list: &[Value],
) -> Result<Vec<Message>, DataError> {
    let one = |(at, value)| {
        let name = format!("{}[{at}]", fields.turns);
        let turn = Turn {
            place,
            fields,
            name,
            value,
        };
        turn.message()
    };
    let messages: Vec<Message> = list.iter().enumerate().map(one).collect::<Result<_, _>>()?;
    if messages.iter().all(|message| message.role == Role::System) {
        let found = match messages.len() {
            1 => "a system message alone".to_owned(),
            many => format!("{many} system messages"),
        };
        return Err(place.error(&fields.turns, "a turn of user", found));
    }
    Ok(messages)
}

fn message(role: Role, content: &str) -> Message {
    Message::new(role, content)
}
