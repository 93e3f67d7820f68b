//! Damage to a file: cut, flipped, repeated, replaced; and to a JSON document: a value changed or taken away.

use proptest::prelude::*;
use serde_json::{Value, json};

/// One change of a file. Places are thousandths of its length.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// Ends here.
    Cut(usize),
    /// One bit is the other.
    Flip(usize, usize),
    /// These bytes stand here too.
    Insert(usize, Vec<u8>),
    /// Bytes from here on stand twice.
    Repeat(usize, usize),
    /// Bytes from here on are gone.
    Remove(usize, usize),
    /// The file is this.
    Whole(Vec<u8>),
    /// A value of a JSON document, counted in the order of the text, is this one, or gone.
    Value(usize, Option<Value>),
    /// A value of a TOML file, counted by its lines, is this text.
    Line(usize, String),
    /// A value of the head of an answer, counted by its lines, is this text.
    Header(usize, String),
}

impl Edit {
    pub(crate) fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let place = |share: usize| bytes.len() * share / 1000;
        let mut new = bytes.to_vec();
        match self {
            Self::Cut(at) => new.truncate(place(*at)),
            Self::Flip(at, bit) => {
                if let Some(byte) = new.get_mut(place(*at)) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Self::Insert(at, more) => {
                let at = place(*at);
                new.splice(at..at, more.iter().copied());
            }
            Self::Repeat(at, count) => {
                let (at, end) = (place(*at), (place(*at) + count).min(bytes.len()));
                new.splice(at..at, bytes[at..end].iter().copied());
            }
            Self::Remove(at, count) => {
                new.drain(place(*at)..(place(*at) + count).min(bytes.len()));
            }
            Self::Whole(all) => new.clone_from(all),
            Self::Value(at, value) => return changed(bytes, *at, value.as_ref()).unwrap_or(new),
            Self::Line(at, value) => return line(bytes, *at, &format!("= {value}")).unwrap_or(new),
            Self::Header(at, value) => {
                return line(bytes, *at, &format!(": {value}")).unwrap_or(new);
            }
        }
        new
    }
}

fn changed(bytes: &[u8], at: usize, value: Option<&Value>) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(bytes).ok()?;
    let mut places = Vec::new();
    walk(&document, String::new(), &mut places);
    let place = places.get(at % places.len().max(1))?;
    match value {
        Some(value) => *document.pointer_mut(place)? = value.clone(),
        None => take_away(&mut document, place)?,
    }
    serde_json::to_vec(&document).ok()
}

fn take_away(document: &mut Value, place: &str) -> Option<()> {
    let (parent, name) = place.rsplit_once('/')?;
    match document.pointer_mut(parent)? {
        Value::Object(map) => drop(map.remove(&name.replace("~1", "/").replace("~0", "~"))),
        Value::Array(items) => drop(items.remove(name.parse().ok()?)),
        _ => {}
    }
    Some(())
}

/// The places of a document's values, long lists only in part.
fn walk(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter().take(40) {
                let name = name.replace('~', "~0").replace('/', "~1");
                walk(value, format!("{place}/{name}"), places);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate().take(3) {
                walk(value, format!("{place}/{at}"), places);
            }
        }
        _ => {}
    }
    if !place.is_empty() {
        places.push(place);
    }
}

/// Another value behind its separator, which `value` begins with.
fn line(bytes: &[u8], at: usize, value: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let at = at % lines.len().max(1);
    let separator = value.chars().next()?;
    let (key, old) = lines.get(at)?.split_once(separator)?;
    let end = old.trim_start_matches(|letter| !['\r', '\n'].contains(&letter));
    lines[at] = format!("{key}{value}{end}");
    Some(lines.concat().into_bytes())
}

/// How many values a JSON document has that an edit can change.
pub(crate) fn values(bytes: &[u8]) -> usize {
    let mut places = Vec::new();
    if let Ok(document) = serde_json::from_slice(bytes) {
        walk(&document, String::new(), &mut places);
    }
    places.len()
}

/// Values that a reader may not expect.
pub(crate) fn odd_values() -> Vec<Option<Value>> {
    let long = "x".repeat(5000);
    let mut odd: Vec<Option<Value>> = [
        json!(null),
        json!(-1),
        json!(0),
        json!(1e308),
        json!(u64::MAX),
        json!(0.5),
        json!(true),
        json!(""),
        json!("x"),
        json!(long),
        json!([]),
        json!([null, [1]]),
        json!({}),
        json!({"x": {"y": []}}),
    ]
    .map(Some)
    .into();
    odd.push(None);
    odd
}

/// Texts that a TOML value may be instead.
pub(crate) const ODD_LINES: [&str; 12] = [
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    "1e308",
    "9223372036854775807",
    "\"x\"",
    "[]",
    "{}",
    "true",
    "",
];

/// Texts that the value of a header may be instead.
pub(crate) const ODD_HEADERS: [&str; 20] = [
    "",
    "-1",
    "0",
    "7",
    "23",
    "99999999",
    "18446744073709551615",
    "99999999999999999999999",
    "1e9",
    "\"\"",
    "\"..\"",
    "\"../../../evil\"",
    "/etc/passwd",
    "W/\"a b\"",
    "main",
    "//127.0.0.1:1/x",
    "http://127.0.0.1:1/x",
    "http://[::1/x",
    "file:///etc/passwd",
    "\u{e9}%00\u{1b}[2J",
];

/// The same changes for a file of any kind.
pub(crate) fn of_bytes() -> Vec<Edit> {
    let shares = [0, 10, 300, 600, 999];
    let mut edits: Vec<Edit> = shares.map(Edit::Cut).into();
    edits.extend(shares.map(|at| Edit::Flip(at, at)));
    edits.extend(shares.map(|at| Edit::Insert(at, vec![0, 0xff, b'"'])));
    edits.extend([0, 500].map(|at| Edit::Repeat(at, usize::MAX / 2)));
    edits.extend(shares.map(|at| Edit::Remove(at, 9)));
    let whole = [
        "null",
        "[]",
        "{}",
        "0",
        "\"x\"",
        "[[[[[[[[",
        "\n\n\n",
        "\u{feff}{}",
        "<html>",
    ];
    edits.extend(whole.map(|text| Edit::Whole(text.into())));
    edits.push(Edit::Whole("[".repeat(20_000).into()));
    edits
}

/// Any change, for searching.
pub(crate) fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let share = || 0..1000_usize;
    let odd = proptest::sample::select(odd_values());
    let one = prop_oneof![
        1 => share().prop_map(Edit::Cut),
        3 => (share(), 0..8_usize).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        2 => (share(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, more)| Edit::Insert(at, more)),
        1 => (share(), 1..200usize).prop_map(|(at, count)| Edit::Repeat(at, count)),
        1 => (share(), 1..200usize).prop_map(|(at, count)| Edit::Remove(at, count)),
        6 => (any::<usize>(), odd).prop_map(|(at, value)| Edit::Value(at, value)),
        2 => (any::<usize>(), proptest::sample::select(&ODD_LINES[..])).prop_map(|(at, text)| Edit::Line(at, text.into())),
        2 => (any::<usize>(), proptest::sample::select(&ODD_HEADERS[..])).prop_map(|(at, text)| Edit::Header(at, text.into())),
    ];
    prop::collection::vec(one, 1..4)
}
