//! Why a text ended, in the words of OpenAI-compatible servers.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text ended; in files a plain string.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum FinishReason {
    /// A stop token, or a server's word that the text is complete: `stop`.
    Stop,
    /// A stop string: `stop_string`. Servers say `stop` here too.
    StopString,
    /// The limit of new tokens, so that the text may be cut off: `length`.
    Length,
    /// Nothing was written: the prompt leaves no room for the new tokens asked for: `prompt_too_long`.
    PromptTooLong,
    /// A server's filter of contents: `content_filter`.
    ContentFilter,
    /// Another word of a server, as it is.
    Other(String),
}

impl FinishReason {
    /// The name in files.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::StopString => "stop_string",
            Self::Length => "length",
            Self::PromptTooLong => "prompt_too_long",
            Self::ContentFilter => "content_filter",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<&str> for FinishReason {
    fn from(word: &str) -> Self {
        match word {
            "stop" => Self::Stop,
            "stop_string" => Self::StopString,
            "length" => Self::Length,
            "prompt_too_long" => Self::PromptTooLong,
            "content_filter" => Self::ContentFilter,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<String> for FinishReason {
    fn from(word: String) -> Self {
        word.as_str().into()
    }
}

impl From<FinishReason> for String {
    fn from(reason: FinishReason) -> Self {
        match reason {
            FinishReason::Other(word) => word,
            known => known.as_str().to_owned(),
        }
    }
}

impl FromStr for FinishReason {
    type Err = Infallible;

    fn from_str(word: &str) -> Result<Self, Infallible> {
        Ok(word.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for word in ["stop", "stop_string", "length", "content_filter", "eos", ""] {
            let reason: FinishReason = word.parse().unwrap();
            assert_eq!(reason.as_str(), word);
            let json = serde_json::to_value(&reason).unwrap();
            assert_eq!(json, word);
            assert_eq!(
                serde_json::from_value::<FinishReason>(json).unwrap(),
                reason
            );
        }
        assert_eq!(FinishReason::from("length"), FinishReason::Length);
        assert_eq!(FinishReason::from("eos"), FinishReason::Other("eos".into()));
    }
}
