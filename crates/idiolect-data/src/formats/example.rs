//! One example: who said what, and the response that is trained.

use serde::{Deserialize, Serialize};

/// A row's name in its file: a string or a number, echoed unchanged.
///
/// A row that has none is known by its number, from 0.
/// `1` and `"1"` are two different ids.
pub type Id = serde_json::Value;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sets the scene, at most once and first.
    System,
    /// Asks.
    User,
    /// Answers.
    Assistant,
}

impl Role {
    /// The name that chat templates use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The text, neither stripped nor otherwise changed.
    pub content: String,
}

/// A conversation with the id of the row that it came from.
///
/// An optional system message, then user and assistant in turn.
/// The last message is the response if it is the assistant's, else the example is a prompt.
/// Plain text (format `text`) is a response to nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The row's id, or its number from 0.
    pub id: Id,
    /// The turns, oldest first, never empty.
    pub messages: Vec<Message>,
}

impl Example {
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
        messages.push(Message {
            role: Role::Assistant,
            content: response,
        });
        Self {
            id: self.id.clone(),
            messages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(turns: &[(Role, &str)]) -> Example {
        let messages = turns
            .iter()
            .map(|&(role, text)| Message {
                role,
                content: text.into(),
            })
            .collect();
        Example {
            id: Id::from(0),
            messages,
        }
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
