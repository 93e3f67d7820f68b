//! Prompts that ask a model to say a reference answer in its own words.
//!
//! The templates are those of the self-distillation paper (arXiv 2402.13669), Eq. 3:
//! `y~ = f(y | c, x, y)`. Which rewrites are kept is not decided here.

use idiolect_data::{Example, Message, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::named::{CONTENT, REFERENCE, fill};
use crate::{NamedTemplate, PromptError, Rendered, Segment, Slot};

/// A distillation template as data: one that is [built in](Self::by_name), read [from a file](Self::from_file), or
/// written as a value.
///
/// In a file the raw form is the table `[form]`, with the fields of [`NamedTemplate`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DistillTemplate {
    /// A user turn without markup, for use inside a chat template; must hold `{{content}}`, and `{{resp}}` where the
    /// user turns of `form` hold it.
    pub chat_user: String,
    /// What opens the first user turn inside a chat template; empty for nothing.
    /// Default: the `default_system` of `form`.
    pub chat_system: Option<String>,
    /// What opens the model's answer inside a chat template; it is part of the prompt and never of the rewrite.
    /// Default: nothing.
    pub chat_opening: String,
    /// The raw form; its user turns hold the reference answer as `{{resp}}`.
    pub form: NamedTemplate,
}

impl DistillTemplate {
    /// Ends a rewrite inside a chat template, beside the end of turn: small models go on with a
    /// heading of the template.
    pub const CHAT_STOP: &str = "###";

    /// A template whose system text is the same in the raw form and inside a chat template.
    #[must_use]
    pub fn new(form: NamedTemplate, chat_user: impl Into<String>) -> Self {
        Self {
            chat_user: chat_user.into(),
            chat_system: None,
            chat_opening: String::new(),
            form,
        }
    }

    /// The name of its raw form, with its preset, as `sdft-2402/main/using`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.form.name
    }

    /// Holds the fields against the rules of their documentation.
    ///
    /// # Errors
    ///
    /// [`PromptError::Field`] names the first field that breaks one.
    pub fn check(&self) -> Result<(), PromptError> {
        self.form.check_with_marks(&[CONTENT, REFERENCE])?;
        let shows = |mark: &str| self.chat_user.contains(mark);
        if !shows(CONTENT) {
            let expected = format!("a text with {CONTENT}");
            return Err(self.form.breach("chat_user", expected, "none"));
        }
        let mut raw = self.form.user.iter().filter_map(Slot::pattern);
        match (raw.any(|text| text.contains(REFERENCE)), shows(REFERENCE)) {
            (true, false) => {
                let expected = format!("{REFERENCE}, as in the user turns of form");
                Err(self.form.breach("chat_user", expected, "none"))
            }
            (false, true) => {
                let expected = format!("{REFERENCE}, as in chat_user");
                Err(self.form.breach("form.user", expected, "none"))
            }
            _ => Ok(()),
        }
    }

    /// The raw form of the prompt for rewriting the example's response.
    ///
    /// Earlier user turns carry their reference answers too, as the reference program shows them.
    /// A system message of the example comes before the template's own.
    ///
    /// # Errors
    ///
    /// [`PromptError::Turns`] for turns that have no place in it.
    pub fn prompt(&self, example: &Example) -> Result<Rendered, PromptError> {
        self.form.taken(example.into())?;
        let mut messages = example.messages.clone();
        let own = &self.form.default_system;
        let brought = messages
            .first_mut()
            .filter(|first| first.role == Role::System);
        if let Some(system) = brought.filter(|_| !own.is_empty()) {
            system.content = format!("{}\n\n{own}", system.content);
        }
        Ok(self.form.render(&messages, example.prompt().len()))
    }

    /// Whether the last response of an example can be asked for: it is a text, and answers a turn of the user, which
    /// carries the reference answer.
    ///
    /// # Errors
    ///
    /// [`PromptError::Turns`] names the turn.
    pub fn check_turns(&self, example: &Example) -> Result<(), PromptError> {
        let refused = |message, expected: &str, found: String| PromptError::Turns {
            template: self.name().to_owned(),
            message,
            expected: expected.to_owned(),
            found,
        };
        let prompt = example.prompt();
        if let Some(asked) = prompt.last().filter(|asked| asked.role != Role::User) {
            let found = format!("a turn of {}", asked.role_name());
            return Err(refused(
                prompt.len() - 1,
                "a turn of user before the answer",
                found,
            ));
        }
        match example.messages.get(prompt.len()) {
            Some(answer) if answer.calls_tools() => {
                let found = "calls of tools".to_owned();
                Err(refused(prompt.len(), "an answer in text to rewrite", found))
            }
            _ => Ok(()),
        }
    }

    /// The same question as messages, to be rendered by the checkpoint's own chat template.
    ///
    /// The template's system text opens the first user turn, because some chat templates refuse a
    /// system message; the example's own system message stays one.
    /// Generation should stop at [`CHAT_STOP`](Self::CHAT_STOP).
    #[must_use]
    pub fn messages(&self, example: &Example) -> Vec<Message> {
        let all = &example.messages;
        let own = self.chat_system.as_deref();
        let mut opening =
            Some(own.unwrap_or(&self.form.default_system)).filter(|text| !text.is_empty());
        let mut asked = |at: usize, turn: &Message| {
            let next = all.get(at + 1).filter(|next| next.role == Role::Assistant);
            let reference = next.map_or("", |next| next.content.as_str());
            let question = text(&self.chat_user, &turn.content, reference);
            let content = match opening.take() {
                Some(system) => format!("{system}\n\n{question}"),
                None => question,
            };
            Message::new(Role::User, content)
        };
        let turns = example.prompt().iter().enumerate();
        turns
            .map(|(at, turn)| match turn.role {
                Role::User => asked(at, turn),
                Role::System | Role::Assistant | Role::Other => turn.clone(),
            })
            .collect()
    }
}

/// A pattern with question and reference answer in their places.
pub(crate) fn text(pattern: &str, content: &str, reference: &str) -> String {
    let value = |text: &str| {
        vec![Segment {
            text: text.into(),
            trained: false,
            content: true,
        }]
    };
    let filled = fill(pattern, &value(content), &value(reference), false);
    filled.into_iter().map(|segment| segment.text).collect()
}
