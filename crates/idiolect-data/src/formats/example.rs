//! One example: who said what, and the response that is trained.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A row's name in its file: a string or a number, echoed unchanged.
///
/// A row that has none is known by its number, from 0.
/// `1` and `"1"` are two different ids.
pub type Id = serde_json::Value;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sets the scene.
    System,
    /// Asks.
    User,
    /// Answers.
    Assistant,
    /// Somebody else whose turns are never trained: a tool with its result, a developer. The name is the
    /// message's ([`Message::role_name`]).
    Other,
}

impl Role {
    /// The name that chat templates use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Other => "other",
        }
    }
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The text, neither stripped nor otherwise changed; of content in parts, their texts; empty where there is none.
    pub content: String,
    /// Whether an answer is trained; it says nothing of other turns. Default: true.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub trained: bool,
    /// The turn as a chat template is given it, where it holds more than one of three roles and a text: its calls of
    /// tools, its reasoning, its parts. A field that is null is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Box<Map<String, Value>>>,
}

fn yes() -> bool {
    true
}

impl Message {
    /// A turn that is a text and nothing else.
    #[must_use]
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            trained: true,
            fields: None,
        }
    }

    /// The name of who speaks, as the row has it where that is none of the three common ones.
    #[must_use]
    pub fn role_name(&self) -> &str {
        let own = self.field("role").and_then(Value::as_str);
        own.unwrap_or(self.role.as_str())
    }

    /// A field of the turn beside role and text.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.as_ref()?.get(name)
    }

    /// Whether the turn calls tools.
    #[must_use]
    pub fn calls_tools(&self) -> bool {
        let calls = self.field("tool_calls").and_then(Value::as_array);
        calls.is_some_and(|calls| !calls.is_empty())
    }

    /// What was thought before the answer, where a field of its own holds it.
    #[must_use]
    pub fn reasoning(&self) -> Option<&str> {
        let mut found = REASONING
            .iter()
            .filter_map(|name| self.field(name)?.as_str());
        found.find(|text| !text.is_empty())
    }
}

/// Names of the field that holds what was thought before an answer, the one that is read first in front.
pub(crate) const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// A conversation with the id of the row that it came from.
///
/// The last message is the response if it is the assistant's, else the example is a prompt.
/// Plain text (format `text`) is a response to nothing.
/// Which orders of turns there can be is for the template to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The row's id, or its number from 0.
    pub id: Id,
    /// The turns, oldest first, never empty.
    pub messages: Vec<Message>,
    /// Definitions of the tools that the assistant may call, as a chat template is given them. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Value>,
    /// Further values for the chat template, by name (`chat_template_kwargs` of a row). Default: none.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
}

impl Example {
    /// A conversation without tools.
    #[must_use]
    pub fn new(id: Id, messages: Vec<Message>) -> Self {
        Self {
            id,
            messages,
            tools: Vec::new(),
            variables: Map::new(),
        }
    }

    /// Everything before the response.
    #[must_use]
    pub fn prompt(&self) -> &[Message] {
        let turns = self.messages.len() - usize::from(self.response().is_some());
        &self.messages[..turns]
    }

    /// The last message where it is the assistant's; it may be empty text.
    #[must_use]
    pub fn response(&self) -> Option<&str> {
        self.messages
            .last()
            .filter(|m| m.role == Role::Assistant)
            .map(|m| m.content.as_str())
    }

    /// The last user turn, or nothing where nobody asks.
    #[must_use]
    pub fn instruction(&self) -> &str {
        self.messages
            .iter()
            .rfind(|m| m.role == Role::User)
            .map_or("", |m| &m.content)
    }

    /// The same conversation with another last response (added where there was none).
    #[must_use]
    pub fn with_response(&self, response: String) -> Self {
        let mut messages = self.prompt().to_vec();
        let old = self.messages.last().filter(|m| m.role == Role::Assistant);
        messages.push(Message {
            trained: old.is_none_or(|message| message.trained),
            ..Message::new(Role::Assistant, response)
        });
        Self {
            messages,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(turns: &[(Role, &str)]) -> Example {
        let turns = turns.iter();
        let messages = turns.map(|&(role, text)| Message::new(role, text));
        Example::new(Id::from(0), messages.collect())
    }

    #[test]
    fn only_the_last_response_is_the_response() {
        let turns = [
            (Role::System, "s"),
            (Role::User, "q1"),
            (Role::Assistant, "a1"),
            (Role::User, "q2"),
            (Role::Assistant, "a2"),
        ];
        let example = example(&turns);
        assert_eq!(
            (example.instruction(), example.response()),
            ("q2", Some("a2"))
        );
        assert_eq!(example.prompt(), &example.messages[..4]);
        let other = example.with_response("b".into());
        assert_eq!(other.messages[..4], example.messages[..4]);
        assert_eq!(other.response(), Some("b"));
    }

    #[test]
    fn a_prompt_has_no_response_until_it_gets_one() {
        let example = example(&[(Role::User, "q")]);
        assert_eq!((example.response(), example.prompt().len()), (None, 1));
        assert_eq!(example.with_response("a".into()).response(), Some("a"));
    }
}
