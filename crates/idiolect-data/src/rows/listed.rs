//! An object as lines for people.

use serde_json::Value;

/// The fields of an object as lines of `name value`, those of an inner one as `outer.inner value`, in their order and
/// without those that are null.
///
/// ```
/// # use idiolect_data::listed;
/// let lines = listed(&serde_json::json!({"out": "merged", "memory": {"bytes": 8}, "none": null}));
/// assert_eq!(lines, "out           merged\nmemory.bytes  8\n");
/// ```
#[must_use]
pub fn listed(object: &Value) -> String {
    let mut lines = Vec::new();
    fields(object, "", &mut lines);
    table(&lines)
}

/// A name a line, with what is to be said of it in a column of its own.
#[must_use]
pub fn table(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max();
    let width = width.unwrap_or_default();
    let line = |(name, about): &(String, String)| format!("{name:<width$}  {about}\n");
    rows.iter().map(line).collect()
}

fn fields(object: &Value, prefix: &str, lines: &mut Vec<(String, String)>) {
    for (name, value) in object.as_object().into_iter().flatten() {
        let name = format!("{prefix}{name}");
        match value {
            Value::Object(_) => fields(value, &format!("{name}."), lines),
            Value::Null => {}
            Value::String(plain) => lines.push((name, plain.clone())),
            other => lines.push((name, other.to_string())),
        }
    }
}
