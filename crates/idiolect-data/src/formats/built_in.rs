//! The built-in formats, by name.
//!
//! Source of alpaca and sharegpt: the layouts as LLaMA-Factory reads them
//! (rickyang1114/LLaMA-Factory@162ce422 `data/aligner.py`).

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::row_format::{
    CompletionFields, PairFields, RoleNames, RowFormat, RowShape, TextFields, TurnFields,
};
use crate::DataError;

/// How a row says who said what: one of the formats that most data sets have.
///
/// [`RowFormat`] describes it in full; another format is a value of that type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `{"instruction", "input", "output", "history": [[question, answer]], "system"}`.
    #[default]
    Alpaca,
    /// `{"conversations": [{"from": "human" | "gpt" | "system", "value"}], "system"}`.
    Sharegpt,
    /// `{"messages": [{"role": "user" | "assistant" | "system", "content"}]}`.
    Messages,
    /// `{"prompt", "completion"}`, two texts or two lists of turns; the completion is trained.
    #[serde(rename = "prompt-completion")]
    Completion,
    /// `{"text"}`, all of it trained.
    Text,
}

impl Format {
    /// All formats, in the order in which help texts show them.
    pub const ALL: [Self; 5] = [
        Self::Alpaca,
        Self::Sharegpt,
        Self::Messages,
        Self::Completion,
        Self::Text,
    ];

    /// The name on the command line and in config files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alpaca => "alpaca",
            Self::Sharegpt => "sharegpt",
            Self::Messages => "messages",
            Self::Completion => "prompt-completion",
            Self::Text => "text",
        }
    }

    /// The format with fields called otherwise.
    #[must_use]
    pub fn with(self, columns: &Columns) -> RowFormat {
        let shape = match self {
            Self::Alpaca => RowShape::Pair(PairFields {
                instruction: columns.instruction.clone(),
                input: Some(columns.input.clone()),
                response: columns.response.clone(),
                history: Some(columns.history.clone()),
                system: Some(columns.system.clone()),
            }),
            Self::Sharegpt => RowShape::Turns(TurnFields {
                turns: columns.conversations.clone(),
                role: "from".to_owned(),
                text: "value".to_owned(),
                roles: sharegpt_roles(),
                system: Some(columns.system.clone()),
            }),
            Self::Messages => RowShape::Turns(TurnFields {
                turns: columns.messages.clone(),
                role: "role".to_owned(),
                text: "content".to_owned(),
                roles: RoleNames::chat(),
                system: None,
            }),
            Self::Completion => RowShape::Completion(CompletionFields {
                prompt: columns.prompt.clone(),
                completion: columns.completion.clone(),
            }),
            Self::Text => RowShape::Text(TextFields {
                text: columns.text.clone(),
            }),
        };
        RowFormat {
            name: self.name().to_owned(),
            id: columns.id.clone(),
            shape,
        }
    }
}

/// Both built-in formats of turns take the other's names too; they do not collide.
fn sharegpt_roles() -> RoleNames {
    let RoleNames {
        system,
        mut user,
        mut assistant,
        other,
    } = RoleNames::chat();
    user.swap(0, 1);
    assistant.swap(0, 1);
    RoleNames {
        system,
        user,
        assistant,
        other,
    }
}

impl From<Format> for RowFormat {
    fn from(format: Format) -> Self {
        format.with(&Columns::default())
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
            "data format \"Alpaca\" unknown, expected one of: alpaca, sharegpt, messages, prompt-completion, text",
        );
    }

    #[test]
    fn built_in_formats_pass_the_check_of_a_users_own() {
        for format in Format::ALL {
            RowFormat::from(format).check().unwrap();
        }
    }
}
