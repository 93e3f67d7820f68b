//! How many bytes a rendering may make and look at, and the filters that count them.
//!
//! Every value that a template makes is paid for with its size, and what is paid never comes back: so neither
//! memory nor time can exceed what the budget buys. A list costs what is in it.

use std::sync::atomic::{AtomicU64, Ordering};

use idiolect_input::limits;
use minijinja::value::{DynObject, Object, ObjectRepr, Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, context, filters};

use super::{methods, python};

/// Checks a value that was made; one that is computed when it is read becomes a list.
pub(super) const MADE: &str = "=made";
/// Checks what a function gave back.
pub(super) const CALLED: &str = "=called";
/// Pays for reading a value whole.
pub(super) const USED: &str = "=used";
/// Pays for looking for a place in a text.
pub(super) const TOUCHED: &str = "=touched";
/// Slices, and pays for a text as far as it is read.
pub(super) const SLICED: &str = "=sliced";
/// Checks what a namespace is to keep: not itself, since printing it would have no end.
pub(super) const KEPT: &str = "=kept";
/// What is joined to a text, as Python writes it.
pub(super) const WRITTEN: &str = "=written";
/// The name under which the context has the bytes that may be made.
pub(super) const BUDGET: &str = "=budget";

/// What a value in a list costs beside its text.
const ITEM: u64 = 32;
/// Lists in lists beyond this depth would take the stack when they are dropped.
const DEEPEST: u32 = 100;

/// What is left of a rendering's bytes.
#[derive(Debug)]
struct Budget {
    most: u64,
    left: AtomicU64,
}

impl Object for Budget {}

/// Pays `bytes`.
pub(super) fn pay(state: &State, bytes: u64) -> Result<(), Error> {
    let budget = state.get_or_set_temp_object(BUDGET, || {
        let most = state
            .lookup(BUDGET)
            .and_then(|most| u64::try_from(most).ok());
        let most = most.unwrap_or(limits::RENDERED_BYTES.default);
        Budget {
            most,
            left: AtomicU64::new(most),
        }
    });
    let take = |left: u64| left.checked_sub(bytes);
    let paid = budget
        .left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
    paid.map(drop).map_err(|_| {
        let error = limits::RENDERED_BYTES.exceeded(budget.most, "more");
        Error::new(ErrorKind::InvalidOperation, error.to_string())
    })
}

/// Pays for all of a value, and refuses one that is nested too deeply.
pub(super) fn pay_for(state: &State, value: &Value) -> Result<(), Error> {
    pay_nested(state, value, 0)
}

fn pay_nested(state: &State, value: &Value, depth: u32) -> Result<(), Error> {
    if depth > DEEPEST {
        let problem = format!("expected lists nested at most {DEEPEST} deep, found more");
        return Err(Error::new(ErrorKind::InvalidOperation, problem));
    }
    if let Some(text) = value.as_str() {
        return pay(state, text.len() as u64);
    }
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    let is_map = object.repr() == ObjectRepr::Map;
    let items = match object.repr() {
        ObjectRepr::Seq | ObjectRepr::Iterable | ObjectRepr::Map => object.try_iter(),
        _ => None,
    };
    for item in items.into_iter().flatten() {
        pay(state, ITEM)?;
        if is_map && let Some(of_key) = object.get_value(&item) {
            pay_nested(state, &of_key, depth + 1)?;
        }
        pay_nested(state, &item, depth + 1)?;
    }
    Ok(())
}

/// The value, paid for; one that is computed when it is read is computed now.
fn made(state: &State, value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Iterable {
        pay_for(state, &value)?;
        return Ok(value);
    }
    let mut list = Vec::new();
    for item in value.try_iter()? {
        pay(state, ITEM)?;
        pay_nested(state, &item, 1)?;
        list.push(item);
    }
    Ok(Value::from(list))
}

fn touched(state: &State, value: Value) -> Result<Value, Error> {
    let length = value.as_str().map_or(0, str::len);
    pay(state, length as u64)?;
    Ok(value)
}

/// The engine's own slice of a value by start, stop and step.
fn sliced(state: &State, args: &[Value]) -> Result<Value, Error> {
    let [value, start, stop, step] = args else {
        return Err(Error::from(ErrorKind::MissingArgument));
    };
    let value = touched(state, value.clone())?;
    let slice = state.env().compile_expression("value[start:stop:step]")?;
    slice.eval(context! { value, start, stop, step })
}

fn kept(state: &State, value: Value) -> Result<Value, Error> {
    pay_for(state, &value)?;
    if has_namespace(&value) {
        let problem = "a namespace in a namespace";
        return Err(Error::new(ErrorKind::InvalidOperation, problem));
    }
    Ok(value)
}

fn has_namespace(value: &Value) -> bool {
    let Some(object) = value.as_object() else {
        return false;
    };
    let within = |object: &DynObject| {
        let mut items = object.try_iter()?;
        Some(items.any(|item| {
            let of_key = object.get_value(&item);
            has_namespace(&item) || of_key.is_some_and(|value| has_namespace(&value))
        }))
    };
    object.type_name().ends_with("Namespace")
        || object.repr() != ObjectRepr::Plain && within(object).unwrap_or(false)
}

/// Gives an environment the checks, and filters that pay before they make more than they are given.
pub(super) fn prepare(env: &mut Environment<'static>) {
    env.add_filter(MADE, |state: &State, value: Value| made(state, value));
    env.add_filter(CALLED, |state: &State, value: Value| match value.kind() {
        // A range, which the engine bounds.
        ValueKind::Iterable => Ok(value),
        _ => pay_for(state, &value).map(|()| value),
    });
    env.add_filter(SLICED, |state: &State, args: Rest<Value>| {
        sliced(state, &args)
    });
    env.add_filter(USED, |state: &State, value: Value| {
        pay_for(state, &value).map(|()| value)
    });
    env.add_filter(WRITTEN, |state: &State, value: Value| {
        pay_for(state, &value)?;
        Ok::<_, Error>(match value.as_str() {
            Some(_) => value,
            None => python::text(&value).into(),
        })
    });
    env.add_filter("string", |state: &State, value: Value| {
        pay_for(state, &value)?;
        Ok::<_, Error>(python::text(&value))
    });
    env.add_filter(TOUCHED, |state: &State, value: Value| touched(state, value));
    env.add_filter(KEPT, |state: &State, value: Value| kept(state, value));
    // It prints everything that there is.
    env.remove_global("debug");
    let mut own = |name: &'static str, filter: Value| {
        env.add_filter(name, move |state: &State, args: Rest<Value>| {
            pay_before(state, name, &args)?;
            filter.call(state, &args)
        });
    };
    own("replace", Value::from_function(filters::replace));
    own("join", Value::from_function(filters::join));
    own("indent", Value::from_function(filters::indent));
    own("format", Value::from_function(filters::format));
    own("batch", Value::from_function(filters::batch));
    own("slice", Value::from_function(filters::slice));
    own("select", Value::from_function(filters::select));
    own("reject", Value::from_function(filters::reject));
    own("selectattr", Value::from_function(filters::selectattr));
    own("rejectattr", Value::from_function(filters::rejectattr));
    own("map", Value::from_function(filters::map));
    let chain = Value::from_function(filters::chain);
    env.add_filter("chain", move |state: &State, args: Rest<Value>| {
        // As a plain list or map: chains of chains would take the stack.
        let all = chain.call(state, &args)?;
        let pair = |key: Value| Ok((key.clone(), all.get_item(&key)?));
        match all.kind() {
            ValueKind::Map => all.try_iter()?.map(pair).collect::<Result<Value, Error>>(),
            _ => Ok(all.try_iter()?.collect()),
        }
    });
}

/// Pays for what a filter or method of these arguments may make, at most.
fn pay_before(state: &State, name: &str, args: &[Value]) -> Result<(), Error> {
    let length = |at: usize| {
        let arg = args.get(at);
        arg.map_or(0, |arg| {
            arg.as_str()
                .map_or_else(|| arg.len(), |text| Some(text.len()))
                .unwrap_or(0) as u64
        })
    };
    let cost = match name {
        "replace" => (length(0) / length(1).max(1) + 1).saturating_mul(length(2)),
        "join" => length(0).saturating_mul(length(1) + 1),
        "indent" => length(0).saturating_mul(largest(args)),
        "batch" | "slice" => largest(args).saturating_mul(ITEM),
        "format" => largest(args)
            .max(digits(args))
            .saturating_mul(length(0) + 1),
        _ => {
            let rest = args.iter().skip(1).filter_map(Value::len).sum::<usize>();
            length(0).saturating_mul(rest as u64 + ITEM)
        }
    };
    pay(state, cost)
}

/// The largest whole number among arguments, by name or not.
fn largest(args: &[Value]) -> u64 {
    let own = |value: &Value| match value.kind() {
        ValueKind::Map => {
            let keys = value.try_iter().into_iter().flatten();
            let values: Vec<Value> = keys.filter_map(|key| value.get_item(&key).ok()).collect();
            largest(&values)
        }
        ValueKind::Number => u64::try_from(value.clone()).unwrap_or(0),
        _ => 0,
    };
    args.iter().map(own).max().unwrap_or(0)
}

/// The largest number that is written in a format: it may be a width.
fn digits(args: &[Value]) -> u64 {
    let format = args.first().and_then(Value::as_str).unwrap_or_default();
    let runs = format.split(|char: char| !char.is_ascii_digit());
    let number = |run: &str| run.parse().unwrap_or(u64::MAX);
    runs.filter(|run| !run.is_empty())
        .map(number)
        .max()
        .unwrap_or(0)
}

/// The string, list and map methods of Python, paid for.
pub(super) fn method(
    state: &State,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let mut all = vec![value.clone()];
    all.extend_from_slice(args);
    match (name, value.as_str()) {
        ("join", _) => {
            all.reverse();
            pay_before(state, name, &all)?;
        }
        ("replace" | "format", _) => pay_before(state, name, &all)?,
        // The library looks for the empty text without end.
        ("count", Some(text)) if args.first().and_then(Value::as_str) == Some("") => {
            return Ok(Value::from(text.chars().count() + 1));
        }
        _ => {}
    }
    for arg in all.iter().filter(|arg| arg.as_str().is_some()) {
        pay_for(state, arg)?;
    }
    let found = match methods::call(value, name, args)? {
        Some(found) => found,
        None => minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)?,
    };
    match value.kind() {
        ValueKind::String => made(state, found),
        _ => Ok(found),
    }
}
