//! Templates by name: slots that are filled with messages.
//!
//! The forms of the self-distillation paper keep the reference program's way of encoding each slot
//! by itself (`joined` false); the others are encoded as one string, like a chat template's text.

use idiolect_data::{Message, Role};

use crate::{Piece, PromptError, Rendered, Segment, Slot, Special, slots::fill, table};

/// A template as data; all of them stand in one table, see [`NamedTemplate::names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedTemplate {
    /// What the command line calls it.
    pub name: &'static str,
    /// System text of messages that bring none; empty for no system turn.
    pub default_system: &'static str,
    /// Before everything.
    pub start: &'static [Slot],
    /// The system turn.
    pub system: &'static [Slot],
    /// Whether the system turn stands inside the first user turn, as Llama 2 has it.
    pub system_in_user: bool,
    /// A user turn, up to where the response begins.
    pub user: &'static [Slot],
    /// A response with its end of turn; all of it is trained.
    pub assistant: &'static [Slot],
    /// Before every user turn but the first.
    pub separator: &'static [Slot],
    /// Whether neighbouring texts are encoded as one string.
    pub joined: bool,
    /// Whether white space at both ends of what is filled into a user turn is cut off.
    pub strip: bool,
    /// Special tokens, beside the end of text, that end a response.
    pub stops: &'static [&'static str],
    /// Text, no token by itself, that ends a response and is no part of it.
    pub stop_texts: &'static [&'static str],
}

impl NamedTemplate {
    /// The template of that name.
    ///
    /// # Errors
    ///
    /// [`PromptError::UnknownTemplate`] names those that there are.
    pub fn by_name(name: &str) -> Result<Self, PromptError> {
        table::templates()
            .find(|template| template.name == name)
            .copied()
            .ok_or_else(|| PromptError::UnknownTemplate {
                name: name.into(),
                known: Self::names(),
            })
    }

    /// All names, the general ones first, then those of the presets.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        table::templates().map(|template| template.name).collect()
    }

    /// The messages, ready for the model to continue.
    #[must_use]
    pub fn prompt(&self, messages: &[Message]) -> Rendered {
        self.render(messages, messages.len())
    }

    /// The messages with every response trained, up to the last response's end of turn.
    ///
    /// # Errors
    ///
    /// [`PromptError::NoResponse`] when no message is the assistant's.
    pub fn example(&self, messages: &[Message]) -> Result<Rendered, PromptError> {
        let last = messages
            .iter()
            .rposition(|message| message.role == Role::Assistant);
        let last = last.ok_or_else(|| PromptError::NoResponse {
            template: self.name.into(),
        })?;
        Ok(self.render(messages, last + 1))
    }

    /// The first `shown` messages in order.
    /// A user turn's reference answer is the message after it, shown or not.
    pub(crate) fn render(&self, messages: &[Message], shown: usize) -> Rendered {
        let mut out = Rendered::default();
        let (system, turns) = self.split_system(messages);
        let shown = turns.len().saturating_sub(messages.len() - shown);
        self.put(&mut out, self.start, &[], &[]);
        if !self.system_in_user && !system.is_empty() {
            self.put(&mut out, self.system, &content(system, false), &[]);
        }
        for (at, turn) in turns[..shown].iter().enumerate() {
            if turn.role == Role::Assistant {
                self.put_response(&mut out, &turn.content);
                continue;
            }
            if at > 0 {
                self.put(&mut out, self.separator, &[], &[]);
            }
            let mut asked = content(self.cut(&turn.content), false);
            if at == 0 && self.system_in_user && !system.is_empty() {
                asked.splice(0..0, self.system_text(system));
            }
            let reference = turns.get(at + 1).map_or("", |next| self.cut(&next.content));
            self.put(&mut out, self.user, &asked, &content(reference, false));
        }
        out
    }

    fn split_system<'a>(&self, messages: &'a [Message]) -> (&'a str, &'a [Message]) {
        match messages.split_first() {
            Some((first, turns)) if first.role == Role::System => (&first.content, turns),
            _ => (self.default_system, messages),
        }
    }

    fn system_text(&self, system: &str) -> Vec<Segment> {
        let patterns = self.system.iter().filter_map(|slot| match slot {
            Slot::Text(pattern) => Some(pattern),
            _ => None,
        });
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
                other => out.pieces.extend(special(*other, false)),
            }
        }
    }

    fn put_response(&self, out: &mut Rendered, response: &str) {
        for slot in self.assistant {
            match slot {
                Slot::Text(pattern) => {
                    out.push_text(
                        fill(pattern, &content(response, true), &[], true),
                        self.joined,
                    );
                }
                other => out.pieces.extend(special(*other, true)),
            }
        }
    }
}

fn content(text: &str, trained: bool) -> Vec<Segment> {
    vec![Segment {
        text: text.to_owned(),
        trained,
        content: true,
    }]
}

fn special(slot: Slot, trained: bool) -> Option<Piece> {
    let token = match slot {
        Slot::Bos => Special::Bos,
        Slot::Eos => Special::Eos,
        Slot::Token(name) => Special::Named(name.to_owned()),
        Slot::Text(_) => return None,
    };
    Some(Piece::Special { token, trained })
}
