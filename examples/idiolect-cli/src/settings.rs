//! Settings from a configuration file under those of the command line.
//!
//! A file is flat TOML whose keys are the flags in `snake_case`. An unknown key is refused with the nearest
//! known one: a misspelt setting must never be a silent default.

use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::error::CliError;

/// The settings of `file`, overlaid by those that `flags` holds.
///
/// # Errors
///
/// [`CliError::Io`] for an unreadable file; [`CliError::Setting`] names the file and the key that does not
/// parse, is unknown or has a value of the wrong kind.
pub fn resolve<T: Serialize + DeserializeOwned + Default>(
    flags: &T,
    file: Option<&Path>,
) -> Result<T, CliError> {
    let text = match file {
        Some(path) => Some(std::fs::read_to_string(path).map_err(CliError::io(path))?),
        None => None,
    };
    let name = file.map(|path| path.display().to_string());
    overlay(flags, name.as_deref().zip(text.as_deref()))
}

/// The settings of a TOML text with its name, overlaid by those that `flags` holds.
///
/// # Errors
///
/// [`CliError::Setting`] names the text and the key that does not parse, is unknown or has a value of the
/// wrong kind.
pub fn overlay<T: Serialize + DeserializeOwned + Default>(
    flags: &T,
    base: Option<(&str, &str)>,
) -> Result<T, CliError> {
    let known = fields(&T::default());
    let mut merged = match base {
        Some((name, text)) => parse(name, text, &known)?,
        None => Map::new(),
    };
    merged.extend(
        fields(flags)
            .into_iter()
            .filter(|(_, value)| !is_unset(value)),
    );
    let place = base.map_or("settings", |(name, _)| name);
    serde_json::from_value(Value::Object(merged))
        .map_err(|error| CliError::setting(place, "settings of the right kind", error))
}

fn is_unset(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn fields<T: Serialize>(settings: &T) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn parse(
    name: &str,
    text: &str,
    known: &Map<String, Value>,
) -> Result<Map<String, Value>, CliError> {
    let table: toml::Table = toml::from_str(text).map_err(|error: toml::de::Error| {
        let line = error
            .span()
            .map_or(0, |span| text[..span.start].matches('\n').count() + 1);
        let place = format!("{name}: line {line}");
        CliError::setting(&place, "TOML", error.message())
    })?;
    if let Some(key) = table.keys().find(|key| !known.contains_key(*key)) {
        let place = format!("{name}: key");
        return Err(CliError::setting(&place, nearest(key, known), key));
    }
    Ok(fields(&table))
}

/// What to expect in place of an unknown key: the nearest known one, or all of them.
fn nearest(key: &str, known: &Map<String, Value>) -> String {
    let close = known
        .keys()
        .map(|name| (strsim::damerau_levenshtein(key, name), name));
    match close.min() {
        Some((off, name)) if off <= name.len() / 2 => format!("a known key; the nearest is {name}"),
        _ => format!(
            "one of {}",
            known.keys().cloned().collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Writes resolved settings as TOML, unset ones left out.
///
/// # Errors
///
/// [`CliError::Io`] when the file cannot be written.
pub fn write<T: Serialize>(settings: &T, path: &Path) -> Result<(), CliError> {
    let set: Map<String, Value> = fields(settings)
        .into_iter()
        .filter(|(_, value)| !is_unset(value))
        .collect();
    let text = toml::to_string(&set)
        .map_err(|error| CliError::setting("settings", "values that TOML can hold", error))?;
    std::fs::write(path, text).map_err(CliError::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Serialize, serde::Deserialize, PartialEq)]
    struct Keys {
        learning_rate: Option<f64>,
        epochs: Option<usize>,
        data: Vec<String>,
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = file("learning_rate = 1e-3\nepochs = 2\ndata = [\"a\"]\n");
        let flags = Keys {
            epochs: Some(5),
            ..Keys::default()
        };
        let got: Keys = resolve(&flags, Some(file.path())).unwrap();
        let want = Keys {
            learning_rate: Some(1e-3),
            epochs: Some(5),
            data: vec!["a".into()],
        };
        assert_eq!(got, want);
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        let file = file("learnig_rate = 1e-3\n");
        let error = resolve(&Keys::default(), Some(file.path()))
            .unwrap_err()
            .line();
        assert!(
            error.contains("learning_rate") && error.contains("found learnig_rate"),
            "{error}"
        );
    }

    #[test]
    fn broken_toml_names_its_line() {
        let file = file("epochs = 2\nepochs == 3\n");
        let error = resolve(&Keys::default(), Some(file.path()))
            .unwrap_err()
            .line();
        assert!(error.contains("line 2"), "{error}");
    }
}
