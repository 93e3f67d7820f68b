//! Operations of Python that the engine lets pass: the length of nothing, loops over `None`, text beside `|safe`,
//! generators as JSON.
//!
//! What the markup of `|safe` is joined to is escaped, as `markupsafe` 3 does it; `~` joins without.

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, context, filters};

use super::budget::pay;

/// Adds, where one side may be markup.
pub(super) const ADDED: &str = "=added";
/// Checks what a loop is over.
pub(super) const ITERATED: &str = "=iterated";
/// Refuses what a filter gave that computes its items one by one.
pub(super) const LISTED: &str = "=listed";

/// Filters that give a generator in Python, which is no JSON.
pub(super) const GENERATORS: [&str; 8] = [
    "map",
    "select",
    "reject",
    "selectattr",
    "rejectattr",
    "batch",
    "slice",
    "unique",
];

/// Gives an environment the operations.
pub(super) fn prepare(env: &mut Environment<'static>) {
    env.add_filter(ADDED, added);
    env.add_filter(ITERATED, |value: Value| match value.kind() {
        ValueKind::None => Err(refused("expected a list, found None")),
        _ => Ok(value),
    });
    env.add_filter(LISTED, |_: Value| {
        Err::<Value, _>(refused(
            "expected a list, found a generator, which is no JSON",
        ))
    });
    for name in ["length", "count"] {
        env.add_filter(name, |value: &Value| match value.kind() {
            ValueKind::Undefined => Ok(0),
            _ => filters::length(value),
        });
    }
}

fn refused(problem: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem.to_owned())
}

fn added(state: &State, left: Value, right: Value) -> Result<Value, Error> {
    let (Some(a), Some(b)) = (left.as_str(), right.as_str()) else {
        let sum = state.env().compile_expression("left + right")?;
        return sum.eval(context! { left, right });
    };
    pay(state, (a.len() + b.len()) as u64)?;
    if !left.is_safe() && !right.is_safe() {
        return Ok(Value::from([a, b].concat()));
    }
    let part = |value: &Value, text: &str| {
        if value.is_safe() {
            text.to_owned()
        } else {
            escaped(text)
        }
    };
    let markup = part(&left, a) + &part(&right, b);
    Ok(Value::from_safe_string(markup))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            other => out.push(other),
        }
    }
    out
}
