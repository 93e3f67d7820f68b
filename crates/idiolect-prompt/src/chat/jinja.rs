//! The Jinja dialect of Hugging Face chat templates, over `minijinja`.
//!
//! As `transformers` sets it up: line ends of Windows read as others, blocks trimmed, methods of Python,
//! `raise_exception`, `tojson` that escapes no HTML, values as Python prints them, `break` and `continue`, and
//! `{% generation %}` marks, which are read over.
//!
//! Templates come with models from strangers: steps, bytes, depth and the length of the source are bounded.

mod budget;
mod constants;
mod json;
mod methods;
mod operations;
mod program;
mod python;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use idiolect_input::{LimitError, limits};
use minijinja::machinery::{
    CompiledTemplate, Instructions, TemplateConfig, Vm, WhitespaceConfig, make_string_output,
};
use minijinja::value::{Kwargs, Rest, Value, ValueKind, from_args};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, context};

use crate::Date;
pub(crate) use source::between_marks;
use source::with_generation_marks;

/// The name of the one template in an environment.
pub(crate) const TEMPLATE: &str = "chat";

/// Bytes that a rendering may make for each byte of the messages, beside those of the limit.
const BYTES_PER_BYTE: u64 = 64;

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
        Self::parsed(source, date, false)
    }

    /// The same with [`MARKS`] around what the template marks as generated; none where it marks nothing.
    pub(crate) fn with_marks(source: &str, date: Option<Date>) -> Result<Option<Self>, Error> {
        let is_marked = source.contains("endgeneration");
        is_marked
            .then(|| Self::parsed(source, date, true))
            .transpose()
    }

    fn parsed(source: &str, date: Option<Date>, has_marks: bool) -> Result<Self, Error> {
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
        // As Python reads text files.
        let source = source.replace("\r\n", "\n").replace('\r', "\n");
        let source = kept(with_generation_marks(&source, has_marks));
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
    operations::prepare(&mut env);
    env.add_filter(
        "tojson",
        |state: &State, value: &Value, args: Rest<Value>| {
            budget::pay_for(state, value)?;
            let (args, options): (Rest<Value>, Kwargs) = from_args(&args)?;
            json::to_json(value, args, &options)
        },
    );
    // Python iterates over texts, and over what is not defined.
    env.add_test("iterable", |value: &Value| {
        let mut kinds = [ValueKind::None, ValueKind::Bool, ValueKind::Number].iter();
        kinds.all(|kind| value.kind() != *kind) && !is_namespace(value)
    });
    env.add_test("sequence", |value: &Value| {
        let kinds = [
            ValueKind::Seq,
            ValueKind::Map,
            ValueKind::String,
            ValueKind::Undefined,
        ];
        kinds.contains(&value.kind()) && !is_namespace(value)
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

fn is_namespace(value: &Value) -> bool {
    let object = value.as_object();
    object.is_some_and(|own| own.type_name().ends_with("Namespace"))
}

/// Whether rendering failed because there is no date to print.
pub(crate) fn lacks_date(error: &Error) -> bool {
    let detail = error.detail().unwrap_or_default();
    error.kind() == ErrorKind::UnknownFunction && detail.contains("strftime_now")
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

fn print(out: &mut Output, state: &State, value: &Value) -> Result<(), Error> {
    budget::pay_for(state, value)?;
    match value.as_str() {
        Some(text) => out.write_str(text),
        None => out.write_str(&python::text(value)),
    }
    .map_err(Error::from)
}
