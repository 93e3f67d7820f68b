//! Rendering a conversation with the engine, and finding in the text what comes out of messages.

use std::ops::Range;

use idiolect_data::{Message, Role};

use super::ChatTemplate;
use super::content::{Marked, StandIns};
use super::jinja::{self, Program, raised};
use super::shown::PROBE;
use super::values::{REASONING, bytes, other_texts, values, with_text};
use crate::{Conversation, PromptError};

impl ChatTemplate {
    /// Renders, and finds what comes out of messages; `stops` are the ends of a turn that are known.
    pub(super) fn render_marked(
        &self,
        chat: Conversation<'_>,
        generation: bool,
        stops: &[String],
    ) -> Result<Marked, PromptError> {
        let text = self.render(chat, generation)?;
        let own = || chat.messages.iter().flat_map(own_texts);
        let is_markup = |text: &str| self.forged(std::iter::once(text), stops);
        if let Some(marker) = other_texts(chat).into_iter().find_map(is_markup) {
            return Err(self.forgery(marker));
        }
        if let Some(stand_ins) = StandIns::of(own()) {
            let replace = |m: &Message| with_text(m, &|text| stand_ins.replace(text));
            let replaced: Vec<Message> = chat.messages.iter().map(replace).collect();
            if let Ok(rendered) = self.render(chat.with(&replaced), generation) {
                let marked = stand_ins.restore(&rendered);
                if marked.text == text {
                    return Ok(marked);
                }
            }
        }
        match self.forged(own(), stops) {
            Some(marker) => Err(self.forgery(marker)),
            None => Ok(Marked {
                text,
                content: Vec::new(),
            }),
        }
    }

    fn forgery(&self, marker: String) -> PromptError {
        PromptError::Forged {
            template: self.name.clone(),
            marker,
        }
    }

    /// A special token that a text spells.
    fn forged<'a>(
        &self,
        texts: impl Iterator<Item = &'a str> + Clone,
        stops: &[String],
    ) -> Option<String> {
        let tokens = &self.tokens;
        let known = stops
            .iter()
            .chain(&tokens.bos)
            .chain(&tokens.eos)
            .chain(&tokens.special);
        let spelt = |marker: &&String| texts.clone().any(|text| text.contains(marker.as_str()));
        known
            .filter(|marker| !marker.is_empty())
            .find(spelt)
            .cloned()
    }

    /// The text and the places that the template marks by `{% generation %}`, where it has such marks.
    pub(super) fn generation_marks(
        &self,
        chat: Conversation<'_>,
    ) -> Option<(String, Vec<Range<usize>>)> {
        let marked = self.marked.as_ref()?;
        let rendered = self.run(marked, chat, false).ok()?;
        jinja::between_marks(&rendered)
    }

    pub(super) fn render(
        &self,
        chat: Conversation<'_>,
        generation: bool,
    ) -> Result<String, PromptError> {
        let with_tools = self.with_tools.as_ref().filter(|_| !chat.tools.is_empty());
        self.run(with_tools.unwrap_or(&self.program), chat, generation)
    }

    fn run(
        &self,
        program: &Program,
        chat: Conversation<'_>,
        generation: bool,
    ) -> Result<String, PromptError> {
        let in_parts = |message: &Message| {
            message
                .field("content")
                .is_some_and(serde_json::Value::is_array)
        };
        let takes_parts = !chat.messages.iter().any(in_parts) || self.takes_parts();
        let values = values(chat, generation, &self.tokens, takes_parts);
        let rendered = program.render(values, bytes(chat));
        rendered.map_err(|source| match raised(&source) {
            Some(reason) => PromptError::Refused {
                template: self.name.clone(),
                reason: reason.into(),
            },
            None if jinja::lacks_date(&source) => PromptError::Undated {
                template: self.name.clone(),
            },
            None => PromptError::Render {
                template: self.name.clone(),
                source,
            },
        })
    }

    /// Whether content in parts is shown as its text: other templates print the list of them.
    fn takes_parts(&self) -> bool {
        *self.takes_parts.get_or_init(|| {
            let parts = serde_json::json!({
                "role": "user", "content": [{ "type": "text", "text": PROBE }],
            });
            let message = Message {
                fields: parts.as_object().cloned().map(Box::new),
                ..Message::new(Role::User, PROBE)
            };
            let values = values((&[message]).into(), false, &self.tokens, true);
            let rendered = self.program.render(values, 0).unwrap_or_default();
            rendered.contains(PROBE)
                && !["'text'", "\"text\""]
                    .iter()
                    .any(|key| rendered.contains(key))
        })
    }
}

/// The texts of a message that [`with_text`] changes.
fn own_texts(message: &Message) -> impl Iterator<Item = &str> + Clone {
    let reasoning = REASONING
        .iter()
        .filter_map(|name| message.field(name)?.as_str());
    std::iter::once(message.content.as_str()).chain(reasoning)
}
