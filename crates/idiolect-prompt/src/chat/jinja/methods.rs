//! The methods of Python's texts and lists that templates call, as `CPython` 3 has them.
//!
//! `minijinja_contrib::pycompat` has most of them; those are here that it lacks, or that give other values there:
//! places counted in bytes, questions about empty texts, capitals behind an apostrophe, arguments by name.

use minijinja::value::{Kwargs, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind};

/// The method's value; none where it is for the library.
pub(super) fn call(value: &Value, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    if let Some(text) = value.as_str() {
        return string(text, name, args);
    }
    match (value.kind(), name) {
        (ValueKind::Seq, "index") => {
            let (wanted,): (&Value,) = from_args(args)?;
            let mut items = value.try_iter()?;
            let at = items.position(|item| item == *wanted);
            at.map(|at| Some(Value::from(at))).ok_or_else(not_found)
        }
        (ValueKind::Map, "get") if args.is_empty() => Err(Error::from(ErrorKind::MissingArgument)),
        _ => Ok(None),
    }
}

fn not_found() -> Error {
    Error::new(ErrorKind::InvalidOperation, "not found".to_owned())
}

fn string(text: &str, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let found = match name {
        "islower" => cased(text, char::is_lowercase, char::is_uppercase).into(),
        "isupper" => cased(text, char::is_uppercase, char::is_lowercase).into(),
        "isspace" => all(text, char::is_whitespace).into(),
        "isdigit" | "isnumeric" | "isdecimal" => all(text, char::is_numeric).into(),
        "isalnum" => all(text, char::is_alphanumeric).into(),
        "isalpha" => all(text, char::is_alphabetic).into(),
        "istitle" => (title(text) == text && text.chars().any(char::is_alphabetic)).into(),
        "isidentifier" => is_identifier(text).into(),
        "title" => title(text).into(),
        "swapcase" => text.chars().map(swapped).collect::<String>().into(),
        "casefold" => text.to_lowercase().replace('ß', "ss").into(),
        "removeprefix" | "removesuffix" => {
            let (part,): (&str,) = from_args(args)?;
            let rest = match name {
                "removeprefix" => text.strip_prefix(part),
                _ => text.strip_suffix(part),
            };
            rest.unwrap_or(text).into()
        }
        "find" | "rfind" | "index" | "rindex" => find(text, name, args)?,
        "partition" | "rpartition" => partition(text, name, args)?,
        "split" | "rsplit" => split(text, name, args)?,
        "splitlines" => lines(text, args)?,
        "startswith" | "endswith" if args.len() > 1 => {
            let (part, start, end): (&str, Option<i64>, Option<i64>) = from_args(args)?;
            let within = slice(text, start, end);
            match name {
                "startswith" => within.starts_with(part).into(),
                _ => within.ends_with(part).into(),
            }
        }
        "ljust" | "rjust" | "center" | "zfill" => padded(text, name, args)?,
        _ => return Ok(None),
    };
    Ok(Some(found))
}

fn all(text: &str, is: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(is)
}

fn cased(text: &str, is: impl Fn(char) -> bool, is_other: impl Fn(char) -> bool) -> bool {
    text.chars().any(is) && !text.chars().any(is_other)
}

fn is_identifier(text: &str) -> bool {
    let is_start = |char: char| char == '_' || char.is_alphabetic();
    text.starts_with(is_start) && all(text, |char| is_start(char) || char.is_alphanumeric())
}

fn swapped(char: char) -> String {
    if char.is_uppercase() {
        char.to_lowercase().collect()
    } else {
        char.to_uppercase().collect()
    }
}

/// A capital behind everything that is no letter, and small letters behind letters.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_word = false;
    for char in text.chars() {
        if in_word {
            out.extend(char.to_lowercase());
        } else {
            out.extend(char.to_uppercase());
        }
        in_word = char.is_alphabetic();
    }
    out
}

/// The part of a text between two places counted in characters; negative ones count from the end.
fn slice(text: &str, start: Option<i64>, end: Option<i64>) -> &str {
    let count = text.chars().count();
    let place = |at: i64| {
        let at = if at < 0 {
            at.saturating_add_unsigned(count as u64).max(0)
        } else {
            at
        };
        usize::try_from(at).unwrap_or(0).min(count)
    };
    let byte = |at: usize| {
        text.char_indices()
            .nth(at)
            .map_or(text.len(), |(byte, _)| byte)
    };
    let (start, end) = (start.map_or(0, place), end.map_or(count, place));
    if start > end {
        ""
    } else {
        &text[byte(start)..byte(end)]
    }
}

fn find(text: &str, name: &str, args: &[Value]) -> Result<Value, Error> {
    let (part, start, end): (&str, Option<i64>, Option<i64>) = from_args(args)?;
    let within = slice(text, start, end);
    let found = if name.starts_with('r') {
        within.rfind(part)
    } else {
        within.find(part)
    };
    let skipped = || slice(text, None, start).chars().count();
    let start_count = start.map_or(0, |_| skipped());
    match found {
        Some(byte) => Ok(Value::from(start_count + within[..byte].chars().count())),
        None if name.ends_with("index") => Err(not_found()),
        None => Ok(Value::from(-1)),
    }
}

fn partition(text: &str, name: &str, args: &[Value]) -> Result<Value, Error> {
    let (part,): (&str,) = from_args(args)?;
    if part.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "empty separator"));
    }
    let is_last = name.starts_with('r');
    let halves = if is_last {
        text.rsplit_once(part)
    } else {
        text.split_once(part)
    };
    let three = match halves {
        Some((left, right)) => [left, part, right],
        None if is_last => ["", "", text],
        None => [text, "", ""],
    };
    Ok(three.into_iter().map(Value::from).collect())
}

fn split(text: &str, name: &str, args: &[Value]) -> Result<Value, Error> {
    let (by_place, by_place_most, options): (Option<Value>, Option<i64>, Kwargs) = from_args(args)?;
    let by_name: Option<Value> = options.get("sep")?;
    let most: Option<i64> = options.get("maxsplit")?;
    options.assert_all_used()?;
    let separator = by_name.or(by_place).filter(|own| !own.is_none());
    let most = most
        .or(by_place_most)
        .and_then(|most| usize::try_from(most).ok());
    let pieces = most.map_or(usize::MAX, |most| most.saturating_add(1));
    let is_last = name.starts_with('r');
    let parts: Vec<&str> = match separator.as_ref().map(Value::as_str) {
        None => by_space(text, pieces, is_last),
        Some(None) => {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "expected a text to split by",
            ));
        }
        Some(Some("")) => return Err(Error::new(ErrorKind::InvalidOperation, "empty separator")),
        Some(Some(part)) if is_last => {
            let mut parts: Vec<&str> = text.rsplitn(pieces, part).collect();
            parts.reverse();
            parts
        }
        Some(Some(part)) => text.splitn(pieces, part).collect(),
    };
    Ok(parts.into_iter().map(Value::from).collect())
}

/// Words, the last piece with all that is left: that is not stripped at its far end.
fn by_space(text: &str, pieces: usize, is_last: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = if is_last {
        text.trim_end()
    } else {
        text.trim_start()
    };
    while !rest.is_empty() && parts.len() + 1 < pieces {
        let cut = if is_last {
            rest.rfind(char::is_whitespace)
        } else {
            rest.find(char::is_whitespace)
        };
        let Some(at) = cut else { break };
        let width = rest[at..].chars().next().map_or(1, char::len_utf8);
        let (left, right) = (&rest[..at], &rest[at + width..]);
        let (part, next) = if is_last {
            (right, left.trim_end())
        } else {
            (left, right.trim_start())
        };
        parts.push(part);
        rest = next;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    if is_last {
        parts.reverse();
    }
    parts
}

fn lines(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (by_place, options): (Option<bool>, Kwargs) = from_args(args)?;
    let by_name: Option<bool> = options.get("keepends")?;
    let keep = by_name.or(by_place).unwrap_or(false);
    let is_break = |char: char| {
        matches!(
            char,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_break) {
        let is_pair = rest[at..].starts_with("\r\n");
        let width = rest[at..].chars().next().map_or(1, char::len_utf8);
        let end = at + if is_pair { 2 } else { width };
        found.push(Value::from(&rest[..if keep { end } else { at }]));
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        found.push(Value::from(rest));
    }
    Ok(Value::from(found))
}

/// Widest text that padding makes.
const WIDEST: usize = 1000;

fn padded(text: &str, name: &str, args: &[Value]) -> Result<Value, Error> {
    let (width, fill): (usize, Option<&str>) = from_args(args)?;
    if width > WIDEST {
        let reason = format!("expected a width of at most {WIDEST}, found {width}");
        return Err(Error::new(ErrorKind::InvalidOperation, reason));
    }
    let missing = width.saturating_sub(text.chars().count());
    let fill = fill.unwrap_or(" ");
    Ok(Value::from(match name {
        "ljust" => format!("{text}{}", fill.repeat(missing)),
        "rjust" => format!("{}{text}", fill.repeat(missing)),
        "center" => {
            let left = missing / 2 + (missing & width & 1);
            format!("{}{text}{}", fill.repeat(left), fill.repeat(missing - left))
        }
        _ => {
            let digits = text.trim_start_matches(['+', '-']);
            let sign = &text[..text.len() - digits.len()];
            format!("{sign}{}{digits}", "0".repeat(missing))
        }
    }))
}
