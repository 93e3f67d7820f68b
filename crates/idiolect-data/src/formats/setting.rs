//! The format as a setting names it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::built_in::Format;
use crate::DataError;

/// The format of data sets as a setting names it: `alpaca`, `sharegpt`, `messages`, `prompt-completion` or
/// `text`; `tokens`; `auto`; or
/// the path of a `.toml` file that describes a format ([`crate::RowFormat`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
#[non_exhaustive]
pub enum FormatSetting {
    /// `auto`: found from the fields of each file's first rows.
    #[default]
    Auto,
    /// A built-in format.
    BuiltIn(Format),
    /// `tokens`: ready token rows, `{"input_ids", "labels"}`.
    Tokens,
    /// A file that describes a format.
    File(PathBuf),
}

impl From<Format> for FormatSetting {
    fn from(format: Format) -> Self {
        Self::BuiltIn(format)
    }
}

impl fmt::Display for FormatSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::BuiltIn(format) => format.fmt(f),
            Self::Tokens => f.pad("tokens"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl FromStr for FormatSetting {
    type Err = DataError;

    fn from_str(name: &str) -> Result<Self, DataError> {
        let is_file = name.to_ascii_lowercase().ends_with(".toml");
        match name {
            "auto" => Ok(Self::Auto),
            "tokens" => Ok(Self::Tokens),
            _ if is_file => Ok(Self::File(name.into())),
            _ => name.parse().map(Self::BuiltIn).map_err(|_| unknown(name)),
        }
    }
}

fn unknown(name: &str) -> DataError {
    DataError::UnknownName {
        what: "data format",
        name: name.to_owned(),
        known: format!(
            "{}, tokens, auto, or a .toml file that describes one",
            Format::ALL.map(Format::name).join(", ")
        ),
    }
}

impl TryFrom<String> for FormatSetting {
    type Error = DataError;

    fn try_from(name: String) -> Result<Self, DataError> {
        name.parse()
    }
}

impl From<FormatSetting> for String {
    fn from(setting: FormatSetting) -> Self {
        setting.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_files_read_back() {
        for name in [
            "auto",
            "alpaca",
            "sharegpt",
            "messages",
            "prompt-completion",
            "text",
            "tokens",
            "own/format.toml",
        ] {
            assert_eq!(name.parse::<FormatSetting>().unwrap().to_string(), name);
        }
        assert_eq!(
            "Alpaca".parse::<FormatSetting>().unwrap_err().to_string(),
            "data format \"Alpaca\" unknown, expected one of: alpaca, sharegpt, messages, prompt-completion, text, tokens, auto, \
             or a .toml file that describes one",
        );
    }
}
