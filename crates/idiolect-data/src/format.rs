//! The formats of data sets, by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::DataError;

/// How a row says who said what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `{"instruction", "input", "output", "history": [[question, answer]], "system"}`.
    #[default]
    Alpaca,
    /// `{"conversations": [{"from": "human" | "gpt" | "system", "value"}], "system"}`.
    Sharegpt,
    /// `{"messages": [{"role": "user" | "assistant" | "system", "content"}]}`.
    Messages,
    /// `{"text"}`, all of it trained.
    Text,
    /// `{"input_ids", "labels"}`: no text at all; [`crate::read_rows`] reads such files.
    Tokens,
}

impl Format {
    /// All formats, in the order in which help texts show them.
    pub const ALL: [Self; 5] = [
        Self::Alpaca,
        Self::Sharegpt,
        Self::Messages,
        Self::Text,
        Self::Tokens,
    ];

    /// The name on the command line and in config files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alpaca => "alpaca",
            Self::Sharegpt => "sharegpt",
            Self::Messages => "messages",
            Self::Text => "text",
            Self::Tokens => "tokens",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = DataError;

    fn from_str(name: &str) -> Result<Self, DataError> {
        let unknown = || DataError::UnknownName {
            what: "data format",
            name: name.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        };
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
            assert_eq!(serde_json::to_value(format).unwrap(), format.name());
        }
        assert_eq!(
            "Alpaca".parse::<Format>().unwrap_err().to_string(),
            "data format \"Alpaca\" unknown, expected one of: \
             alpaca, sharegpt, messages, text, tokens",
        );
    }
}
