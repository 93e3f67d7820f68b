//! Who writes, named in one text: a model of this process or a server.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::error::CompletionError;

/// Who writes, as `local:MODEL` or `openai:URL`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum WriterAddress {
    /// A model of this process: a Hugging Face folder, a .gguf file or a name on the Hub.
    Local(String),
    /// The base address of an OpenAI-compatible server.
    Server(String),
}

impl fmt::Display for WriterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(model) => write!(f, "local:{model}"),
            Self::Server(url) => write!(f, "openai:{url}"),
        }
    }
}

impl FromStr for WriterAddress {
    type Err = CompletionError;

    fn from_str(text: &str) -> Result<Self, CompletionError> {
        match text.split_once(':') {
            Some(("local", model)) if !model.is_empty() => Ok(Self::Local(model.to_owned())),
            Some(("openai", url)) if !url.is_empty() => Ok(Self::Server(url.to_owned())),
            // What stands behind the colon may hold a key.
            _ => Err(CompletionError::Setting {
                name: "writer",
                expected: "local:MODEL or openai:URL",
                found: text.split(':').next().unwrap_or_default().to_owned(),
            }),
        }
    }
}

impl TryFrom<String> for WriterAddress {
    type Error = CompletionError;

    fn try_from(text: String) -> Result<Self, CompletionError> {
        text.parse()
    }
}

impl From<WriterAddress> for String {
    fn from(address: WriterAddress) -> Self {
        address.to_string()
    }
}

impl JsonSchema for WriterAddress {
    fn schema_name() -> Cow<'static, str> {
        "WriterAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^(local|openai):.+"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_and_others_are_refused() {
        for text in ["local:models/a:b", "openai:https://host.example/v1"] {
            assert_eq!(text.parse::<WriterAddress>().unwrap().to_string(), text);
        }
        for text in ["models/a", "local:", "openai:", "http://me:secret@a.b"] {
            let error = text.parse::<WriterAddress>().unwrap_err().to_string();
            assert!(
                error.starts_with("writer: expected local:MODEL or openai:URL, found "),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
