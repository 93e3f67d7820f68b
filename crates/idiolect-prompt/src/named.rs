//! Templates of this project's own: slots that are filled with messages.
//!
//! The forms of the self-distillation paper keep the reference program's way of encoding each slot
//! by itself (`joined` false); the others are encoded as one string, like a chat template's text.

mod check;
mod sketch;
mod slots;
mod taken;

pub use slots::Slot;
pub(crate) use slots::{CONTENT, REFERENCE, fill};

use idiolect_data::{Message, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Conversation, Piece, PromptError, Rendered, Segment, Special};

/// A template as data: one that is [built in](Self::by_name), read [from a file](Self::from_file), or written as a
/// value.
///
/// A field that a file leaves out has the value of [`NamedTemplate::default`], which is plain text: the system
/// text, an empty line, the question, the answer, and the end of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the file"
)]
pub struct NamedTemplate {
    /// What settings and records call it. Must be given.
    pub name: String,
    /// System text of conversations that bring none; empty for no system turn. Default: empty.
    pub default_system: String,
    /// Before everything. Default: `["bos"]`.
    pub start: Vec<Slot>,
    /// The system turn; must hold `{{content}}`. Default: `[{ text = "{{content}}\n\n" }]`.
    pub system: Vec<Slot>,
    /// Whether the system turn is inside the first user turn, as in Llama 2; its slots must be texts then.
    /// Default: false.
    pub system_in_user: bool,
    /// Whether that user turn is the last one and not the first, as in Mistral's forms of 2024. Default: false.
    #[serde(skip_serializing_if = "is_false")]
    pub system_in_last: bool,
    /// Whether a system message that is there and empty is written, as an empty system turn. Default: false.
    #[serde(skip_serializing_if = "is_false")]
    pub empty_system: bool,
    /// A user turn, up to where the response begins; must hold `{{content}}`.
    /// Default: `[{ text = "{{content}}" }]`.
    pub user: Vec<Slot>,
    /// A response; must hold `{{content}}`, and end the turn with `"eos"`, a token of `stops` or a text that
    /// contains one of `stops` or `stop_texts`. All of it is trained. Default: `[{ text = "{{content}}" }, "eos"]`.
    pub assistant: Vec<Slot>,
    /// Before every user turn but the first. Default: empty.
    pub separator: Vec<Slot>,
    /// Whether neighbouring texts are encoded as one string. Default: true.
    pub joined: bool,
    /// Whether white space at both ends of what is filled into a user turn is cut off. Default: false.
    pub strip: bool,
    /// Whether spaces at the end of a response are cut off, no other white space. Default: false.
    #[serde(skip_serializing_if = "is_false")]
    pub strip_response_end: bool,
    /// Special tokens, beside the end of text, that end a response. Default: none.
    pub stops: Vec<String>,
    /// Texts, no tokens by themselves, that end a response and are no part of it. Default: none.
    pub stop_texts: Vec<String>,
}

/// Messages with their system text, or the template's, set apart.
struct Parts<'a> {
    system: Option<&'a str>,
    turns: &'a [Message],
}

impl Default for NamedTemplate {
    fn default() -> Self {
        Self {
            name: String::new(),
            default_system: String::new(),
            start: vec![Slot::Bos],
            system: vec![Slot::text("{{content}}\n\n")],
            system_in_user: false,
            system_in_last: false,
            empty_system: false,
            user: vec![Slot::text("{{content}}")],
            assistant: vec![Slot::text("{{content}}"), Slot::Eos],
            separator: Vec::new(),
            joined: true,
            strip: false,
            strip_response_end: false,
            stops: Vec::new(),
            stop_texts: Vec::new(),
        }
    }
}

impl NamedTemplate {
    /// The messages, ready for the model to continue.
    ///
    /// # Errors
    ///
    /// [`PromptError::Turns`] for turns that it has no place for: of others than system, user and assistant, out of
    /// turn, with calls of tools or with reasoning; and for tools.
    pub fn prompt<'a>(
        &self,
        conversation: impl Into<Conversation<'a>>,
    ) -> Result<Rendered, PromptError> {
        let messages = self.taken(conversation.into())?;
        Ok(self.render(messages, messages.len()))
    }

    /// The messages with every response that is to be trained, up to the last one's end of turn.
    ///
    /// # Errors
    ///
    /// As [`prompt`](Self::prompt), and [`PromptError::NoResponse`] when no message is to be trained.
    pub fn example<'a>(
        &self,
        conversation: impl Into<Conversation<'a>>,
    ) -> Result<Rendered, PromptError> {
        let messages = self.taken(conversation.into())?;
        let is_trained = |message: &Message| message.role == Role::Assistant && message.trained;
        let last = messages.iter().rposition(is_trained);
        let last = last.ok_or_else(|| PromptError::NoResponse {
            template: self.name.clone(),
        })?;
        Ok(self.render(messages, last + 1))
    }

    /// The first `shown` messages in order.
    /// A user turn's reference answer is the message after it, shown or not.
    pub(crate) fn render(&self, messages: &[Message], shown: usize) -> Rendered {
        let mut out = Rendered::default();
        let Parts { system, turns } = self.parts(messages);
        let shown = turns.len().saturating_sub(messages.len() - shown);
        self.put(&mut out, &self.start, &[], &[]);
        if let Some(system) = system.filter(|_| !self.system_in_user) {
            self.put(&mut out, &self.system, &content(system, false), &[]);
        }
        let is_asked = |turn: &Message| turn.role == Role::User;
        let with_system = if self.system_in_last {
            turns[..shown].iter().rposition(is_asked)
        } else {
            turns[..shown].iter().position(is_asked)
        };
        for (at, turn) in turns[..shown].iter().enumerate() {
            if turn.role == Role::Assistant {
                self.put_response(&mut out, turn);
                continue;
            }
            if at > 0 {
                self.put(&mut out, &self.separator, &[], &[]);
            }
            let mut asked = content(self.cut(&turn.content), false);
            if let Some(system) = system
                && self.system_in_user
                && with_system == Some(at)
            {
                asked.splice(0..0, self.system_text(system));
            }
            let reference = turns.get(at + 1).map_or("", |next| self.cut(&next.content));
            self.put(&mut out, &self.user, &asked, &content(reference, false));
        }
        out
    }

    fn parts<'a>(&'a self, messages: &'a [Message]) -> Parts<'a> {
        match messages.split_first() {
            Some((first, turns)) if first.role == Role::System => Parts {
                system: Some(first.content.as_str())
                    .filter(|text| self.empty_system || !text.is_empty()),
                turns,
            },
            _ => Parts {
                system: Some(self.default_system.as_str()).filter(|text| !text.is_empty()),
                turns: messages,
            },
        }
    }

    fn system_text(&self, system: &str) -> Vec<Segment> {
        let patterns = self.system.iter().filter_map(Slot::pattern);
        patterns
            .flat_map(|pattern| fill(pattern, &content(system, false), &[], false))
            .collect()
    }

    fn cut<'a>(&self, text: &'a str) -> &'a str {
        if self.strip { text.trim() } else { text }
    }

    fn put(&self, out: &mut Rendered, slots: &[Slot], asked: &[Segment], reference: &[Segment]) {
        for slot in slots {
            match slot {
                Slot::Text(pattern) => {
                    out.push_text(fill(pattern, asked, reference, false), self.joined);
                }
                other => out.pieces.extend(special(other, false)),
            }
        }
    }

    fn put_response(&self, out: &mut Rendered, turn: &Message) {
        let (mut response, trained) = (turn.content.as_str(), turn.trained);
        if self.strip_response_end {
            response = response.trim_end_matches(' ');
        }
        for slot in &self.assistant {
            match slot {
                Slot::Text(pattern) => {
                    let filled = fill(pattern, &content(response, trained), &[], trained);
                    out.push_text(filled, self.joined);
                }
                other => out.pieces.extend(special(other, trained)),
            }
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !*value
}

fn content(text: &str, trained: bool) -> Vec<Segment> {
    vec![Segment {
        text: text.to_owned(),
        trained,
        content: true,
    }]
}

fn special(slot: &Slot, trained: bool) -> Option<Piece> {
    let token = match slot {
        Slot::Bos => Special::Bos,
        Slot::Eos => Special::Eos,
        Slot::Token(name) => Special::Named(name.clone()),
        Slot::Text(_) => return None,
    };
    Some(Piece::Special { token, trained })
}
