//! Some of the settings, under the name of the place that they come from.

use std::ffi::OsStr;
use std::path::Path;

use idiolect_input::{limits, read_text};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Table;

use super::write::to_toml;
use crate::DataError;
use crate::files::{RunDir, nothing_at};

/// Settings of one place: a file, or a command line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layer {
    /// Where they come from, for errors: a file's path, `command line`.
    pub name: String,
    /// Values by key.
    pub values: Table,
}

impl Layer {
    /// The fields of a struct that are set; fields that are `None` or an empty list are not.
    ///
    /// # Errors
    ///
    /// [`DataError::Setting`] for a value that a TOML file cannot hold: a whole number above `i64::MAX`.
    pub fn of(name: &str, flags: &impl Serialize) -> Result<Self, DataError> {
        Self::parse(name, &to_toml(flags)?)
    }

    /// The settings of a TOML text.
    ///
    /// # Errors
    ///
    /// [`DataError::Toml`] names the line that does not parse.
    pub fn parse(name: &str, text: &str) -> Result<Self, DataError> {
        let values = from_toml(name, text)?;
        let name = name.to_owned();
        Ok(Self { name, values })
    }
}

/// What a TOML text describes; `name` is its file, or another place for errors.
///
/// # Errors
///
/// [`DataError::Toml`] names the line that does not parse or does not fit the type.
pub fn from_toml<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, DataError> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.unwrap_or_default().matches('\n').count();
        let form = other_form(name, text.lines().nth(line).unwrap_or_default());
        DataError::Toml {
            place: name.to_owned(),
            line: line + 1,
            problem: format!("{}{form}", error.message()),
        }
    })
}

/// What to write instead, where a file is of another form by its name, or the line that does not parse is.
fn other_form(name: &str, line: &str) -> &'static str {
    let end = Path::new(name).extension().and_then(OsStr::to_str);
    let is_name = |key: &str| {
        key.trim()
            .chars()
            .all(|c| c.is_alphanumeric() || "_-".contains(c))
    };
    let (of_yaml, of_toml) = (line.split_once(':'), line.split_once('='));
    let is_yaml = of_yaml.is_some_and(|(key, _)| is_name(key));
    let is_bare = of_toml.is_some_and(|(_, value)| {
        let value = value.trim_start();
        value.starts_with(|c: char| c.is_alphabetic() || "./~".contains(c))
    });
    match end {
        Some("json") => {
            " (settings are TOML: `key = \"text\"` in the place of `\"key\": \"text\"`)"
        }
        end if is_yaml || matches!(end, Some("yaml" | "yml")) => {
            " (settings are TOML: `key = \"text\"` in the place of `key: text`)"
        }
        _ if is_bare => " (a text stands in quotes: `key = \"text\"`)",
        _ => "",
    }
}

/// Reads a settings file.
///
/// # Errors
///
/// [`DataError::NoFile`] for a folder and where nothing is; [`DataError::Io`]; [`DataError::Toml`] names the line that
/// does not parse.
pub fn read_file(path: &Path) -> Result<Layer, DataError> {
    require_settings(path)?;
    let text = read_text(path, &limits::CONFIG_BYTES).map_err(|source| DataError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    })?;
    Layer::parse(&path.display().to_string(), &text)
}

/// Refuses a path without anything, and a folder, with the settings of the run that it is.
fn require_settings(path: &Path) -> Result<(), DataError> {
    let own = RunDir::new(path).run_toml();
    let found = if own.is_file() {
        format!("the folder of a run, whose settings are {}", own.display())
    } else if path.is_dir() {
        "a folder".to_owned()
    } else if path.try_exists().is_ok_and(|is_there| !is_there) {
        nothing_at(path)
    } else {
        return Ok(());
    };
    Err(DataError::NoFile {
        path: path.to_owned(),
        expected: "a file of settings, as TOML",
        found,
    })
}
