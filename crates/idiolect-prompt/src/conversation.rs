//! What is rendered: turns, the tools that may be called in them, and further values for a chat template.

use idiolect_data::{Example, Message};
use serde_json::{Map, Value};

/// Turns with what belongs to all of them; messages alone and an [`Example`] turn into it by themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conversation<'a> {
    /// The turns, oldest first.
    pub messages: &'a [Message],
    /// Definitions of tools, as a chat template is given them; none by default.
    pub tools: &'a [Value],
    /// Further values for a chat template, by name; none by default.
    pub variables: Option<&'a Map<String, Value>>,
}

impl<'a> Conversation<'a> {
    /// The first turns alone.
    pub(crate) fn first(self, count: usize) -> Self {
        let messages = &self.messages[..count];
        Self { messages, ..self }
    }

    /// The same with other turns.
    pub(crate) fn with<'b>(self, messages: &'b [Message]) -> Conversation<'b>
    where
        'a: 'b,
    {
        Conversation { messages, ..self }
    }
}

impl<'a> From<&'a [Message]> for Conversation<'a> {
    fn from(messages: &'a [Message]) -> Self {
        Self {
            messages,
            ..Self::default()
        }
    }
}

impl<'a, const N: usize> From<&'a [Message; N]> for Conversation<'a> {
    fn from(messages: &'a [Message; N]) -> Self {
        messages.as_slice().into()
    }
}

impl<'a> From<&'a Vec<Message>> for Conversation<'a> {
    fn from(messages: &'a Vec<Message>) -> Self {
        messages.as_slice().into()
    }
}

impl<'a> From<&'a Example> for Conversation<'a> {
    fn from(example: &'a Example) -> Self {
        Self {
            messages: &example.messages,
            tools: &example.tools,
            variables: (!example.variables.is_empty()).then_some(&example.variables),
        }
    }
}
