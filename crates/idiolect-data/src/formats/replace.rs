//! Another last response in the fields of a row, in its own format.

use serde_json::{Map, Value, json};

use super::example::{REASONING, Role};
use super::row_format::{CompletionFields, RowFormat, RowShape, TurnFields};

/// Sets the last response of a row, or adds one where there was none.
pub(crate) fn replace_response(
    raw: &mut Map<String, Value>,
    format: &RowFormat,
    had_one: bool,
    text: &str,
) {
    match &format.shape {
        RowShape::Pair(fields) => set_text(raw, &fields.response, text),
        RowShape::Completion(fields) => set_completion(raw, fields, had_one, text),
        RowShape::Text(fields) => set_text(raw, &fields.text, text),
        RowShape::Turns(fields) => set_turn(&mut raw[&fields.turns], fields, had_one, text),
    }
}

fn set_text(raw: &mut Map<String, Value>, field: &str, text: &str) {
    raw.insert(field.to_owned(), text.into());
}

fn set_completion(
    raw: &mut Map<String, Value>,
    fields: &CompletionFields,
    had_one: bool,
    text: &str,
) {
    let field = &fields.completion;
    match raw.get_mut(field) {
        Some(turns @ Value::Array(_)) => {
            set_turn(turns, &CompletionFields::turns(field), had_one, text);
        }
        _ => set_text(raw, field, text),
    }
}

/// Takes away what belonged to another text: what was thought before it, and calls of tools.
fn forget(turn: &mut Value) {
    if let Some(turn) = turn.as_object_mut() {
        turn.retain(|name, _| name != "tool_calls" && !REASONING.contains(&name.as_str()));
    }
}

fn set_turn(turns: &mut Value, fields: &TurnFields, had_one: bool, text: &str) {
    match turns.as_array_mut() {
        Some(turns) if had_one => {
            if let Some(last) = turns.last_mut() {
                last[&fields.text] = text.into();
                forget(last);
            }
        }
        Some(turns) => {
            let role = fields.roles.written(Role::Assistant);
            turns.push(json!({ &fields.role: role, &fields.text: text }));
        }
        None => {}
    }
}
