//! The Jinja dialect of Hugging Face chat templates, over `minijinja`.
//!
//! As `transformers` sets it up: blocks trimmed, string methods of Python, `raise_exception`,
//! `tojson` that escapes no HTML, `None`/`True`/`False` as Python prints them, `break` and
//! `continue`, and `{% generation %}` marks, which are read over.

use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind, Output, State};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::Date;

/// The name of the one template in an environment.
pub(crate) const TEMPLATE: &str = "chat";

/// Instructions that one rendering may take: a few hundred for each message of a conversation, and a second or
/// so of a template that never ends. Templates come with models from strangers.
const MOST_INSTRUCTIONS: u64 = 50_000_000;

/// Widest indentation of `tojson`.
const WIDEST_INDENT: usize = 64;

/// Text of `raise_exception`, as the source of the engine's error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Raised(pub(crate) String);

/// An environment that holds the template.
/// Without a date there is no `strftime_now`, and templates fall back on their own date.
pub(crate) fn environment(source: &str, date: Option<Date>) -> Result<Environment<'static>, Error> {
    let mut env = Environment::new();
    env.set_fuel(Some(MOST_INSTRUCTIONS));
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    env.set_formatter(print);
    env.add_filter("tojson", |value: &Value, options: Kwargs| {
        to_json(value, &options)
    });
    env.add_function(
        "raise_exception",
        |reason: String| -> Result<Value, Error> {
            let error = Error::new(ErrorKind::InvalidOperation, reason.clone());
            Err(error.with_source(Raised(reason)))
        },
    );
    if let Some(date) = date {
        env.add_function("strftime_now", move |pattern: String| {
            let unknown = || Error::new(ErrorKind::InvalidOperation, "unknown date directive");
            date.format(&pattern).ok_or_else(unknown)
        });
    }
    env.add_template_owned(TEMPLATE, read_over_generation_marks(source))?;
    Ok(env)
}

/// What `raise_exception` was called with, if that is why rendering failed.
pub(crate) fn raised(error: &Error) -> Option<&str> {
    let mut source = std::error::Error::source(error);
    while let Some(current) = source {
        if let Some(Raised(reason)) = current.downcast_ref() {
            return Some(reason);
        }
        source = current.source();
    }
    None
}

/// `{% generation %}` and its end are blocks of `transformers` that print their body.
fn read_over_generation_marks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else {
            break;
        };
        let tag = &rest[start..start + length];
        let word = tag
            .trim_start_matches("{%")
            .trim_matches(['-', '+', ' ', '\t', '\n', '\r']);
        out.push_str(&rest[..start]);
        match word {
            "generation" => out.push_str(&tag.replace("generation", "if true")),
            "endgeneration" => out.push_str(&tag.replace("endgeneration", "endif")),
            _ => out.push_str(tag),
        }
        rest = &rest[start + length..];
    }
    out + rest
}

fn print(out: &mut Output, state: &State, value: &Value) -> Result<(), Error> {
    let python = match value {
        value if value.is_none() => Value::from("None"),
        value if value.is_true() && value.kind() == minijinja::value::ValueKind::Bool => {
            Value::from("True")
        }
        value if value.kind() == minijinja::value::ValueKind::Bool => Value::from("False"),
        value => value.clone(),
    };
    minijinja::escape_formatter(out, state, &python)
}

/// `json.dumps(value, ensure_ascii=False, indent=indent)`.
fn to_json(value: &Value, options: &Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    if let Some(wide) = indent.filter(|width| *width > WIDEST_INDENT) {
        let reason = format!("tojson: expected an indent of at most {WIDEST_INDENT}, found {wide}");
        return Err(Error::new(ErrorKind::InvalidOperation, reason));
    }
    match indent {
        Some(width) => write_json(
            value,
            PrettyFormatter::with_indent(" ".repeat(width).as_bytes()),
        ),
        None => write_json(value, PythonSeparators),
    }
}

fn write_json(value: &Value, formatter: impl Formatter) -> Result<String, Error> {
    let failed = |reason: String| Error::new(ErrorKind::BadSerialization, reason);
    let mut out = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut out, formatter);
    value
        .serialize(&mut serializer)
        .map_err(|error| failed(error.to_string()))?;
    String::from_utf8(out).map_err(|error| failed(error.to_string()))
}

/// Python's `", "` and `": "`.
struct PythonSeparators;

impl Formatter for PythonSeparators {
    fn begin_array_value<W: std::io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_key<W: std::io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_value<W: std::io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}
