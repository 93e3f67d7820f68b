//! What rows hold beside plain text, and which rows can be used.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own files")]

mod formats;
mod turns;

use idiolect_data::{Dataset, Example, Format, Layout, RawRow, RawRows};
use serde_json::{Value, json};

pub(crate) fn rows(rows: &[Value]) -> RawRows {
    let row = |(at, row): (usize, &Value)| RawRow {
        line: at + 1,
        fields: row.as_object().unwrap().clone(),
    };
    RawRows {
        path: "rows.jsonl".into(),
        layout: Layout::Lines,
        rows: rows.iter().enumerate().map(row).collect(),
    }
}

pub(crate) fn example(format: Format, row: &Value) -> Example {
    let mut set = Dataset::from_rows(rows(std::slice::from_ref(row)), format).unwrap();
    set.rows.remove(0).example
}

pub(crate) fn refusal(format: Format, row: &Value) -> String {
    let set = Dataset::from_rows(rows(std::slice::from_ref(row)), format);
    set.unwrap_err().to_string()
}

pub(crate) fn messages(turns: &Value) -> Value {
    json!({ "messages": turns })
}
