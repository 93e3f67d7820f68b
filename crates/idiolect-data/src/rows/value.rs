//! JSON values in a few words, for errors.

use serde_json::{Map, Value};

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

/// What stands under a key of a turn, for errors.
pub(crate) fn describe_in(turn: &Value, key: &str) -> String {
    match turn {
        Value::Object(fields) if !fields.contains_key(key) => absent(fields),
        Value::Object(fields) => describe(&fields[key]),
        other => describe(other),
    }
}

/// That a field is not there, with those that are.
pub(crate) fn absent(fields: &Map<String, Value>) -> String {
    match fields.len() {
        0 => names(fields),
        _ => format!("no such field among {}", names(fields)),
    }
}

/// The names of the first fields.
pub(crate) fn names(fields: &Map<String, Value>) -> String {
    let names: Vec<_> = fields.keys().take(12).map(String::as_str).collect();
    match names.as_slice() {
        [] => "no fields".to_owned(),
        names => names.join(", "),
    }
}
