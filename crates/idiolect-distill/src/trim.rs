//! White space as the reference scripts, which are Python, count it and cut it off.

use idiolect_data::{DataError, DataSet, RawRow, RawRows};
use serde_json::Value;

/// Whether Python's `str.isspace` holds: as in Rust, and U+001C to U+001F too.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `str.strip()`.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `len(text.split())`.
pub(crate) fn words(text: &str) -> usize {
    text.split(is_space).filter(|word| !word.is_empty()).count()
}

/// The data set with white space stripped from the text fields of its rows, not from ids and not
/// from text deeper inside, as the reference script does (sail-sg/sdft@bfb6c255
/// `eval/gen_distilled_data.py`).
pub(crate) fn trimmed(set: &DataSet) -> Result<DataSet, DataError> {
    let rows = set.rows.iter().map(|row| {
        let mut fields = row.raw.clone();
        for (name, value) in &mut fields {
            if let Value::String(text) = value
                && *name != set.columns.id
            {
                *text = strip(text).to_owned();
            }
        }
        RawRow {
            line: row.line,
            fields,
        }
    });
    let raw = RawRows {
        path: set.path.clone(),
        layout: set.layout,
        rows: rows.collect(),
    };
    let mut trimmed = DataSet::from_rows(raw, set.format, &set.columns)?;
    // A set may be a part of a file, whose rows keep their numbers there.
    for (new, old) in trimmed.rows.iter_mut().zip(&set.rows) {
        new.example.id.clone_from(&old.example.id);
    }
    Ok(trimmed)
}
