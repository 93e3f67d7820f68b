//! The Jinja dialect of Hugging Face chat templates, over `minijinja`.
//!
//! As `transformers` sets it up: blocks trimmed, string methods of Python, `raise_exception`,
//! `tojson` that escapes no HTML, `None`/`True`/`False` as Python prints them, `break` and
//! `continue`, and `{% generation %}` marks, which are read over.
//!
//! Templates come with models from strangers: steps, bytes, depth and the length of the source are bounded.

mod budget;
mod constants;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use idiolect_input::{LimitError, limits};
use minijinja::machinery::{
    CompiledTemplate, Instructions, TemplateConfig, Vm, WhitespaceConfig, make_string_output,
};
use minijinja::value::{Kwargs, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, context};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::Date;

/// The name of the one template in an environment.
pub(crate) const TEMPLATE: &str = "chat";

/// Bytes that a rendering may make for each byte of the messages, beside those of the limit.
const BYTES_PER_BYTE: u64 = 64;

/// Widest indentation of `tojson`.
const WIDEST_INDENT: usize = 64;

/// Text of `raise_exception`, as the source of the engine's error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Raised(pub(crate) String);

/// A template, ready to render.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    environment: Environment<'static>,
    parts: Arc<Parts>,
    most_steps: u64,
    most_bytes: u64,
}

#[derive(Debug)]
struct Parts {
    main: Instructions<'static>,
    blocks: BTreeMap<&'static str, Instructions<'static>>,
}

impl Program {
    /// Parses a template.
    /// Without a date there is no `strftime_now`, and templates fall back on their own date.
    pub(crate) fn new(source: &str, date: Option<Date>) -> Result<Self, Error> {
        let refused =
            |error: LimitError| Error::new(ErrorKind::InvalidOperation, error.to_string());
        let bounded = limits::TEMPLATE_BYTES.check(source.len() as u64);
        bounded.map_err(refused)?;
        let most_steps = limits::TEMPLATE_STEPS.value().map_err(refused)?;
        let most_bytes = limits::RENDERED_BYTES.value().map_err(refused)?;
        let config = TemplateConfig {
            syntax_config: minijinja::syntax::SyntaxConfig,
            ws_config: WhitespaceConfig {
                keep_trailing_newline: false,
                lstrip_blocks: true,
                trim_blocks: true,
            },
            default_auto_escape: Arc::new(|_: &str| AutoEscape::None),
        };
        constants::check(source, most_bytes).map_err(refused)?;
        let source = kept(read_over_generation_marks(source));
        let own = CompiledTemplate::new(TEMPLATE, source, &config)?;
        let blocks = own.blocks.iter();
        let parts = Parts {
            main: program::checked(&own.instructions),
            blocks: blocks
                .map(|(name, own)| (*name, program::checked(own)))
                .collect(),
        };
        Ok(Self {
            environment: environment(date, most_steps),
            parts: Arc::new(parts),
            most_steps,
            most_bytes,
        })
    }

    /// Renders with these values; `given` is how many bytes of text they hold.
    pub(crate) fn render(&self, values: Value, given: u64) -> Result<String, Error> {
        let most = given.saturating_mul(BYTES_PER_BYTE);
        let most = most.saturating_add(self.most_bytes);
        let own = Value::from_iter([(budget::BUDGET, Value::from(most))]);
        let values = context! { ..own, ..values };
        let mut text = String::new();
        let Parts { main, blocks } = &*self.parts;
        let done = Vm::new(&self.environment).eval(
            main,
            values,
            blocks,
            &mut make_string_output(&mut text),
            AutoEscape::None,
        );
        match done.map(drop) {
            Ok(()) => Ok(text),
            Err(error) if error.kind() == ErrorKind::OutOfFuel => {
                let limit = limits::TEMPLATE_STEPS.exceeded(self.most_steps, "more");
                Err(Error::new(ErrorKind::OutOfFuel, limit.to_string()).with_source(error))
            }
            Err(error) => Err(error),
        }
    }
}

/// The source for as long as the program runs, each only once: compiled templates point into it.
fn kept(source: String) -> &'static str {
    static SOURCES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut sources = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = sources.get(source.as_str()) {
        return known;
    }
    let new: &'static str = Box::leak(source.into_boxed_str());
    sources.insert(new);
    new
}

/// What templates can call. It holds no template: none can include itself.
fn environment(date: Option<Date>, most_steps: u64) -> Environment<'static> {
    let mut env = Environment::new();
    env.set_fuel(Some(most_steps));
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_unknown_method_callback(budget::method);
    env.set_formatter(print);
    budget::prepare(&mut env);
    env.add_filter("tojson", |state: &State, value: &Value, options: Kwargs| {
        budget::pay_for(state, value)?;
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
    env
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
    budget::pay_for(state, value)?;
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
