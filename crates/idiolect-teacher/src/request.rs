//! What is asked, and what comes back.

use serde_json::Value;

/// A turn of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
}

/// What the model is shown; it decides which address the request goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// Text to go on from: `/completions`.
    Text(String),
    /// Turns to answer: `/chat/completions`.
    Chat(Vec<Turn>),
}

impl Prompt {
    /// The end of the address.
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Self::Text(_) => "completions",
            Self::Chat(_) => "chat/completions",
        }
    }

    /// Bytes of text.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Chat(turns) => turns.iter().map(|turn| turn.content.len() + 16).sum(),
        }
    }
}

/// One text to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct TeacherRequest {
    /// Echoed in the completion and in errors.
    pub id: Value,
    /// What the model is shown.
    pub prompt: Prompt,
    /// Seed of this text's sampling; its lower 31 bits are sent where the temperature is above 0.
    pub seed: u64,
}

/// A text as the server wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The request's id.
    pub id: Value,
    /// The text.
    pub text: String,
    /// Tokens of the prompt, as the server counts; 0 where it does not say.
    pub prompt_tokens: u64,
    /// New tokens, as the server counts; where it does not say, a quarter of the text's bytes.
    pub token_count: u64,
    /// The server's own word: `stop`, `length`, `content_filter`; `unknown` where it gives none.
    pub finish_reason: String,
}
