//! The filter `tojson`: Python's `json.dumps` with the arguments that transformers passes on.

use std::fmt::Write;

use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Error, ErrorKind};
use serde_json::Value as Json;

use super::python;

/// Widest indentation.
const WIDEST_INDENT: usize = 64;

/// How values are written.
struct Dumps {
    ensure_ascii: bool,
    /// What one level is indented by, if lines are broken at all.
    indent: Option<String>,
    between_items: String,
    behind_key: String,
    sort_keys: bool,
}

/// `json.dumps(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False)`; the arguments may be
/// given in that order too.
pub(super) fn to_json(value: &Value, args: Rest<Value>, options: &Kwargs) -> Result<String, Error> {
    if value.is_undefined() {
        return Err(refused("an undefined value is no JSON"));
    }
    let option = |at: usize, name: &str| -> Result<Option<Value>, Error> {
        let by_name: Option<Value> = options.get(name)?;
        Ok(by_name
            .or_else(|| args.get(at).cloned())
            .filter(|own| !own.is_none()))
    };
    let indent = option(1, "indent")?.map(|own| indent(&own)).transpose()?;
    let separators = option(2, "separators")?;
    let separator = |at: usize, default: &str| -> Result<String, Error> {
        match &separators {
            None => Ok(default.to_owned()),
            Some(pair) => {
                let own = pair.get_item_by_index(at)?;
                let text = own
                    .as_str()
                    .ok_or_else(|| refused("separators are two texts"))?;
                Ok(text.to_owned())
            }
        }
    };
    let truth = |value: Option<Value>| value.is_some_and(|own| own.is_true());
    let dumps = Dumps {
        ensure_ascii: truth(option(0, "ensure_ascii")?),
        between_items: separator(0, if indent.is_some() { "," } else { ", " })?,
        behind_key: separator(1, ": ")?,
        sort_keys: truth(option(3, "sort_keys")?),
        indent,
    };
    options.assert_all_used()?;
    let value = serde_json::to_value(value).map_err(|error| refused(&error.to_string()))?;
    let mut text = Text {
        dumps: &dumps,
        depth: 0,
        out: String::new(),
    };
    text.value(&value);
    Ok(text.out)
}

fn indent(value: &Value) -> Result<String, Error> {
    let text = match value.kind() {
        ValueKind::String => value.as_str().unwrap_or_default().to_owned(),
        _ => " "
            .repeat(usize::try_from(i64::try_from(value.clone())?.clamp(0, 1 << 20)).unwrap_or(0)),
    };
    if text.len() > WIDEST_INDENT {
        let reason = format!(
            "tojson: expected an indent of at most {WIDEST_INDENT}, found {}",
            text.len()
        );
        return Err(refused(&reason));
    }
    Ok(text)
}

fn refused(reason: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.to_owned())
}

/// A text that values are written to.
struct Text<'a> {
    dumps: &'a Dumps,
    /// Brackets that are open.
    depth: usize,
    out: String,
}

impl Text<'_> {
    fn value(&mut self, value: &Json) {
        match value {
            Json::Null => self.out.push_str("null"),
            Json::Bool(truth) => self.out.push_str(if *truth { "true" } else { "false" }),
            Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(float) => self.out.push_str(&python::float(float)),
                None => self.out.push_str(&number.to_string()),
            },
            Json::String(text) => self.text(text),
            Json::Array(list) => self.within(['[', ']'], list.iter(), Self::value),
            Json::Object(map) => {
                let mut pairs: Vec<_> = map.iter().collect();
                if self.dumps.sort_keys {
                    pairs.sort_by_key(|(key, _)| *key);
                }
                self.within(['{', '}'], pairs.into_iter(), |own, (key, value)| {
                    own.text(key);
                    own.out.push_str(&own.dumps.behind_key);
                    own.value(value);
                });
            }
        }
    }

    /// Items between brackets, each on a line of its own where lines are broken.
    fn within<T>(
        &mut self,
        [open, close]: [char; 2],
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.out.push(open);
        self.depth += 1;
        let is_empty = items.len() == 0;
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.out.push_str(&self.dumps.between_items);
            }
            self.line();
            write(self, item);
        }
        self.depth -= 1;
        if !is_empty {
            self.line();
        }
        self.out.push(close);
    }

    fn line(&mut self) {
        if let Some(indent) = &self.dumps.indent {
            self.out.push('\n');
            self.out.push_str(&indent.repeat(self.depth));
        }
    }

    fn text(&mut self, text: &str) {
        let out = &mut self.out;
        out.push('"');
        for char in text.chars() {
            match char {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                own if own < ' ' || self.dumps.ensure_ascii && !(' '..='~').contains(&own) => {
                    for unit in own.encode_utf16(&mut [0; 2]) {
                        // Writing into a text does not fail.
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
                own => out.push(own),
            }
        }
        out.push('"');
    }
}
