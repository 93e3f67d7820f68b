//! What a format is: which fields of a row hold what was said, and by whom.
//!
//! A format is a value, which a program builds or a TOML file holds; the built-in ones are values like any other.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::example::Role;
use crate::DataError;
use crate::settings::read_file;

/// Which fields of a row hold what was said, and by whom; other fields are kept and not looked at.
///
/// As a file:
///
/// ```toml
/// name = "support"
/// id = "ticket"
/// kind = "turns"
/// turns = "dialogue"
/// role = "speaker"
/// text = "utterance"
/// roles = { user = ["customer"], assistant = ["agent", "bot"] }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct RowFormat {
    /// What errors and help call it.
    pub name: String,
    /// The field of the row's id; default `id`.
    #[serde(default = "id")]
    pub id: String,
    /// The fields of the conversation.
    #[serde(flatten)]
    pub shape: RowShape,
}

/// How a row holds a conversation; `kind` in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum RowShape {
    /// A question and its answer, a field each, as in alpaca rows.
    Pair(PairFields),
    /// A list of turns, as in sharegpt and messages rows.
    Turns(TurnFields),
    /// A prompt and its completion, each a text or a list of turns, as in TRL's rows.
    Completion(CompletionFields),
    /// A text with no question, all of it trained.
    Text(TextFields),
}

/// Fields of a row that is a prompt and its completion, each a text or a list of turns with `role` and `content`.
/// Only the completion is trained.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompletionFields {
    /// The prompt.
    pub prompt: String,
    /// The completion; optional in a row that is only a prompt.
    pub completion: String,
}

impl CompletionFields {
    /// How one of the two fields is read where it is a list of turns.
    pub(crate) fn turns(field: &str) -> TurnFields {
        TurnFields {
            turns: field.to_owned(),
            role: "role".to_owned(),
            text: "content".to_owned(),
            roles: RoleNames::chat(),
            system: None,
        }
    }
}

/// The field of a row that is a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextFields {
    /// The text, all of it trained.
    pub text: String,
}

/// Fields of a row that is a question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairFields {
    /// The question or task.
    pub instruction: String,
    /// What the task is about, put on a new line after it; optional in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The answer; optional in a row that is only a prompt.
    pub response: String,
    /// Earlier pairs of question and answer, a list of pairs of strings; optional in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<String>,
    /// The system message; optional in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
}

/// Fields of a row that is a list of turns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TurnFields {
    /// The list of turns.
    pub turns: String,
    /// In a turn: who speaks.
    pub role: String,
    /// In a turn: what is said.
    pub text: String,
    /// Who speaks, by the names in the turns.
    pub roles: RoleNames,
    /// A field of the row, beside the turns, that holds the system message; optional in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
}

/// The names of each role; the first is the one that is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleNames {
    /// Names of the system's turn; default `system`.
    #[serde(default = "system")]
    pub system: Vec<String>,
    /// Names of the user's turns, at least one.
    pub user: Vec<String>,
    /// Names of the assistant's turns, at least one.
    pub assistant: Vec<String>,
    /// Names of turns of somebody else, which are never trained and which not every template takes.
    /// Default: `tool`, `function`, `observation`, `ipython`, `function_response`, `tool_response`, `developer`.
    #[serde(default = "other")]
    pub other: Vec<String>,
}

fn id() -> String {
    "id".to_owned()
}

fn system() -> Vec<String> {
    vec!["system".to_owned()]
}

/// Names of others than the three that every conversation has.
pub(crate) fn other() -> Vec<String> {
    let names = [
        "tool",
        "function",
        "observation",
        "ipython",
        "function_response",
        "tool_response",
        "developer",
    ];
    names.map(str::to_owned).to_vec()
}

impl RowFormat {
    /// Reads a description from a TOML file.
    ///
    /// # Errors
    ///
    /// [`DataError::Io`] and [`DataError::Toml`] for an unreadable file; [`DataError::Setting`] for a field that is
    /// missing, unknown or of the wrong kind, and as [`Self::check`].
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let layer = read_file(path)?;
        let format: Self = layer.values.try_into().map_err(|error: toml::de::Error| {
            wrong(
                &layer.name,
                "a description of a data format",
                error.message(),
            )
        })?;
        format.checked(&layer.name)?;
        Ok(format)
    }

    /// Whether the description can be used: no field without a name, no role without one, and no name of two roles.
    ///
    /// # Errors
    ///
    /// [`DataError::Setting`].
    pub fn check(&self) -> Result<(), DataError> {
        self.checked(&self.name)
    }

    fn checked(&self, place: &str) -> Result<(), DataError> {
        if self.fields().any(str::is_empty) {
            return Err(wrong(place, "a name for each field", "an empty one"));
        }
        let RowShape::Turns(TurnFields { roles, .. }) = &self.shape else {
            return Ok(());
        };
        if roles.user.is_empty() || roles.assistant.is_empty() {
            return Err(wrong(place, "a name for user and for assistant", "none"));
        }
        let names: Vec<&String> = roles.all().map(|(_, name)| name).collect();
        match names
            .iter()
            .enumerate()
            .find(|(at, name)| names[..*at].contains(name))
        {
            Some((_, name)) => Err(wrong(
                place,
                "names of roles that differ",
                &format!("{name:?} twice"),
            )),
            None => Ok(()),
        }
    }

    fn fields(&self) -> impl Iterator<Item = &str> {
        let (must, may) = match &self.shape {
            RowShape::Pair(PairFields {
                instruction,
                input,
                response,
                history,
                system,
            }) => (vec![instruction, response], vec![input, history, system]),
            RowShape::Turns(TurnFields {
                turns,
                role,
                text,
                system,
                ..
            }) => (vec![turns, role, text], vec![system]),
            RowShape::Completion(CompletionFields { prompt, completion }) => {
                (vec![prompt, completion], Vec::new())
            }
            RowShape::Text(TextFields { text }) => (vec![text], Vec::new()),
        };
        let may = may.into_iter().flatten();
        must.into_iter()
            .chain(may)
            .chain([&self.id])
            .map(String::as_str)
    }

    /// The field that holds a list, which a table in text has as JSON.
    pub(crate) fn list_field(&self) -> Option<&str> {
        match &self.shape {
            RowShape::Pair(fields) => fields.history.as_deref(),
            RowShape::Turns(fields) => Some(&fields.turns),
            RowShape::Completion(_) | RowShape::Text(_) => None,
        }
    }
}

impl RoleNames {
    /// The names that chat templates use, those of `ShareGPT` for the same, and what unsloth (`input`, `output`) and
    /// ms-swift (`bot`) take for them. Other names, `chatgpt` among them, LLaMA-Factory drops as an invalid role.
    pub(crate) fn chat() -> Self {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Self {
            system: system(),
            user: names(&["user", "human", "input"]),
            assistant: names(&["assistant", "gpt", "output", "bot"]),
            other: other(),
        }
    }

    /// Every name with its role.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Role, &String)> {
        let all = [
            (Role::System, &self.system),
            (Role::User, &self.user),
            (Role::Assistant, &self.assistant),
            (Role::Other, &self.other),
        ];
        all.into_iter()
            .flat_map(|(role, names)| names.iter().map(move |name| (role, name)))
    }

    /// The name under which a role is written.
    pub(crate) fn written(&self, role: Role) -> &str {
        let mut all = self.all();
        all.find(|(own, _)| *own == role)
            .map_or(role.as_str(), |(_, name)| name)
    }
}

fn wrong(place: &str, expected: &str, found: &str) -> DataError {
    DataError::Setting {
        place: place.to_owned(),
        key: "format".to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}
