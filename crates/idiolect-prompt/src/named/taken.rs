//! Which conversations a named template has a place for: a system message, then questions and answers in turn.

use idiolect_data::{Message, Role};
use idiolect_input::counted;

use crate::{Conversation, NamedTemplate, PromptError};

impl NamedTemplate {
    /// The messages, if every one has its place.
    ///
    /// # Errors
    ///
    /// [`PromptError::Turns`].
    pub(crate) fn taken<'a>(&self, chat: Conversation<'a>) -> Result<&'a [Message], PromptError> {
        let refused = |message, expected: &str, found: String| PromptError::Turns {
            template: self.name.clone(),
            message,
            expected: expected.to_owned(),
            found,
        };
        if !chat.tools.is_empty() {
            let (expected, found) = ("a conversation without tools", chat.tools.len());
            return Err(refused(0, expected, counted(found, "tool", "tools")));
        }
        let mut last = None;
        for (at, message) in chat.messages.iter().enumerate() {
            let role = message.role;
            let expected = match last {
                // A text that answers nothing is trained whole.
                None if chat.messages.len() == 1 => "system, user or assistant",
                None => "system or user",
                Some(Role::User) => "assistant",
                Some(_) => "user",
            };
            if role == Role::Other || !expected.contains(role.as_str()) {
                let found = format!("a turn of {}", message.role_name());
                return Err(refused(at, &format!("a turn of {expected}"), found));
            }
            let more = message.calls_tools().then_some("calls of tools");
            if let Some(more) = more.or_else(|| message.reasoning().map(|_| "reasoning")) {
                return Err(refused(at, "text alone", more.to_owned()));
            }
            last = Some(role);
        }
        Ok(chat.messages)
    }
}
