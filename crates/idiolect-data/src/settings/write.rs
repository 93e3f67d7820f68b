//! Resolved settings back to a file that holds every value, so that a later default changes nothing.

use std::path::Path;

use serde::Serialize;
use toml::Table;

use crate::DataError;
use crate::files::write_atomically;

/// Settings as TOML, every value of them, defaults included; what is `None` is left out.
///
/// # Errors
///
/// [`DataError::Setting`] for a value that a TOML file cannot hold: a whole number above `i64::MAX`.
pub fn to_toml<T: Serialize>(settings: &T) -> Result<String, DataError> {
    let text = toml::to_string(settings).map_err(|error| unfit("all", &error.to_string()))?;
    // Numbers are written whose size no reader takes.
    match toml::from_str::<Table>(&text) {
        Ok(_) => Ok(text),
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            let begins = text[..start].rfind('\n').map_or(0, |at| at + 1);
            let line = text[begins..].lines().next().unwrap_or_default();
            let (key, value) = line.split_once(" = ").unwrap_or(("all", line));
            Err(unfit(key, value))
        }
    }
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
