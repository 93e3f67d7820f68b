//! Values as a card shows them: one line, with nothing that Markdown acts on in a table.

use serde_json::Value;

/// Characters of a value.
const LONGEST: usize = 200;

/// A row of a table.
pub(super) fn row(key: &str, value: &str) -> String {
    format!("| {} | {} |\n", line(key), line(value).replace('|', "\\|"))
}

/// A text in one line, cut where it is long.
pub(super) fn line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The last part of a path.
pub(super) fn last_part(path: &str) -> String {
    let path = path.trim_end_matches(['/', '\\']);
    path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned()
}

/// A value of a setting; a list with commas.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values
            .iter()
            .map(self::value)
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}
