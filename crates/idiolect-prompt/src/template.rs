//! A template of either kind as one type.

use crate::{ChatTemplate, Conversation, NamedTemplate, PromptError, Rendered};

/// How messages become text: the same object renders for training and for generation.
///
/// [`from_file`](Self::from_file) reads one that a user wrote.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "a program holds one template or two; a box would only be in the way of those who make one"
)]
pub enum Template {
    /// One of this crate's own.
    Named(NamedTemplate),
    /// A Jinja template, the checkpoint's own or one of a file.
    Chat(Box<ChatTemplate>),
}

impl Template {
    /// The template's name; `chat` for a checkpoint's own.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Named(named) => &named.name,
            Self::Chat(chat) => chat.name(),
        }
    }

    /// The messages, ready for the model to continue.
    ///
    /// # Errors
    ///
    /// A chat template may fail: [`PromptError::Render`], [`PromptError::Refused`],
    /// [`PromptError::Forged`]; another has no place for some turns: [`PromptError::Turns`].
    pub fn prompt<'a>(
        &self,
        conversation: impl Into<Conversation<'a>>,
    ) -> Result<Rendered, PromptError> {
        match self {
            Self::Named(named) => named.prompt(conversation),
            Self::Chat(chat) => chat.prompt(conversation),
        }
    }

    /// The messages with every response trained, its end of turn included, and nothing behind the
    /// last of them.
    ///
    /// For messages that end with a response, the beginning of the result is what
    /// [`prompt`](Self::prompt) gives for the messages before it.
    ///
    /// # Errors
    ///
    /// As `prompt`, and [`PromptError::NoResponse`]; a chat template may also fail with [`PromptError::Prefix`],
    /// [`PromptError::Lost`], [`PromptError::ToolsLost`] or [`PromptError::NoEndOfTurn`].
    pub fn example<'a>(
        &self,
        conversation: impl Into<Conversation<'a>>,
    ) -> Result<Rendered, PromptError> {
        match self {
            Self::Named(named) => named.example(conversation),
            Self::Chat(chat) => chat.example(conversation),
        }
    }

    /// Spellings of the tokens that end a response; the tokenizer's end of text ends it too.
    #[must_use]
    pub fn stops(&self) -> Vec<String> {
        match self {
            Self::Named(named) => named.stops.clone(),
            Self::Chat(chat) => chat.stops().to_vec(),
        }
    }

    /// Those of [`stops`](Self::stops) that are known without rendering a chat template.
    #[must_use]
    pub fn given_stops(&self) -> Vec<String> {
        match self {
            Self::Named(named) => named.stops.clone(),
            Self::Chat(chat) => chat.given_stops(),
        }
    }

    /// Texts, beside those tokens, that end a response.
    #[must_use]
    pub fn stop_texts(&self) -> &[String] {
        match self {
            Self::Named(named) => &named.stop_texts,
            Self::Chat(_) => &[],
        }
    }
}
