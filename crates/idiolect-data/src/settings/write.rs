//! Resolved settings back to a file that holds every value, so that a later default changes nothing.

use std::path::Path;

use serde::Serialize;
use toml::{Table, Value};

use crate::DataError;
use crate::files::write_atomically;

/// Settings as TOML, every value of them, defaults included; what is `None`, or a list without anything in it, is left
/// out.
///
/// # Errors
///
/// [`DataError::Setting`] for a value that a TOML file cannot hold: a whole number above `i64::MAX`.
pub fn to_toml<T: Serialize>(settings: &T) -> Result<String, DataError> {
    let text = toml::to_string(settings).map_err(|error| unfit("all", &error.to_string()))?;
    // Numbers are written whose size no reader takes.
    match toml::from_str::<Table>(&text) {
        Ok(values) => Ok(without_empty_lists(&text, &values)),
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            let begins = text[..start].rfind('\n').map_or(0, |at| at + 1);
            let line = text[begins..].lines().next().unwrap_or_default();
            let (key, value) = line.split_once(" = ").unwrap_or(("all", line));
            Err(unfit(key, value))
        }
    }
}

/// The text without the lists that hold nothing: they would read as if nothing held where the defaults do.
fn without_empty_lists(text: &str, values: &Table) -> String {
    let empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
    let empty = values.iter().filter(|(_, value)| empty(value));
    let empty: Vec<String> = empty.map(|(key, _)| format!("{key} = []\n")).collect();
    let lines = text.split_inclusive('\n');
    lines
        .filter(|line| !empty.iter().any(|own| own == line))
        .collect()
}

fn unfit(key: &str, found: &str) -> DataError {
    DataError::Setting {
        place: "settings".to_owned(),
        key: key.to_owned(),
        expected: "a value that a TOML file can hold".to_owned(),
        found: found.to_owned(),
    }
}

/// Writes settings as [`to_toml`] does, whole or not at all.
///
/// # Errors
///
/// As [`to_toml`]; [`DataError::Io`].
pub fn write<T: Serialize>(settings: &T, path: &Path) -> Result<(), DataError> {
    let text = to_toml(settings)?;
    write_atomically(path, |out| out.write_all(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_without_anything_is_left_out() {
        let settings = json!({"stop": [], "seed": 7, "system": "a\nb = []\n", "data": ["x"]});
        let text = to_toml(&settings).unwrap();
        let read: serde_json::Value = toml::from_str(&text).unwrap();
        assert_eq!(
            read,
            json!({"seed": 7, "system": "a\nb = []\n", "data": ["x"]})
        );
    }
}
