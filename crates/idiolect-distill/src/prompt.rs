//! The question that asks for a rewrite: the paper's templates, and those that a user brings.

use std::fmt;

use idiolect_completion::{BoxError, Prompt};
use idiolect_data::Example;
use idiolect_prompt::{Conversation, DistillTemplate, Template};

/// A question of one's own that asks for a rewrite, in place of a [`DistillTemplate`].
pub trait RewritePrompt: fmt::Debug + Send + Sync {
    /// Its name in the journal; another name is another run.
    fn name(&self) -> String;

    /// What the writer is shown for an example.
    ///
    /// # Errors
    ///
    /// For an example that it cannot show.
    fn prompt(&self, example: &Example) -> Result<Prompt, BoxError>;

    /// Whether it shows the response itself, to be scored and not rewritten. Default: false.
    fn keeps_response(&self) -> bool {
        false
    }
}

/// A template of the paper, in a chat template or in its own raw form.
#[derive(Debug)]
pub(crate) struct TemplatePrompt<'a> {
    pub(crate) template: &'a DistillTemplate,
    pub(crate) chat: Option<&'a Template>,
    pub(crate) turns: bool,
}

impl RewritePrompt for TemplatePrompt<'_> {
    fn name(&self) -> String {
        match self.chat {
            _ if self.turns => format!("{} in turns", self.template.name()),
            Some(chat) => format!("{} in {}", self.template.name(), chat.name()),
            None => self.template.name().to_owned(),
        }
    }

    fn prompt(&self, example: &Example) -> Result<Prompt, BoxError> {
        self.template.check_turns(example)?;
        if self.turns {
            return Ok(Prompt::Chat(self.template.messages(example)));
        }
        Ok(Prompt::Rendered(match self.chat {
            Some(chat) => {
                let prompt = chat.prompt(Conversation {
                    messages: &self.template.messages(example),
                    ..example.into()
                })?;
                prompt.with_opening(&self.template.chat_opening)
            }
            None => self.template.prompt(example)?,
        }))
    }
}
