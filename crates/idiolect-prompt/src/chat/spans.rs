//! Where the responses stand in a rendering.
//!
//! Found in this order: what answering adds to a prompt, where the prompt is the beginning of the whole; what the
//! template marks by `{% generation %}`, as transformers takes it; what changes with the text of the turn, from
//! behind as much of the generation prompt as stands before it. The last serves templates that write an earlier
//! turn otherwise once another follows it, move the system turn, or open an answer by themselves.

use std::ops::Range;

use idiolect_data::{Message, Role};

use super::shown::PROBE;
use super::turns::{Span, trained};
use super::values::with_text;
use super::{ChatTemplate, Marked};
use crate::{Conversation, PromptError};

impl ChatTemplate {
    /// Byte ranges of the trained responses in `whole`, which is rendered from all the messages.
    pub(super) fn trained_spans(
        &self,
        chat: Conversation<'_>,
        whole: &Marked,
    ) -> Result<Vec<Span>, PromptError> {
        let mut spans: Vec<Span> = Vec::new();
        for at in trained(chat.messages) {
            let before = spans.last().map_or(0, |(_, span)| span.end);
            let span = self.span(chat, at, whole, before)?;
            self.check_end_of_turn(whole, span.clone(), at)?;
            self.check_answer(&chat.messages[at], at, &whole.text[span.clone()])?;
            spans.push((at, span));
        }
        Ok(spans)
    }

    fn span(
        &self,
        chat: Conversation<'_>,
        at: usize,
        whole: &Marked,
        before: usize,
    ) -> Result<Range<usize>, PromptError> {
        let prompt = self.render(chat.first(at), true);
        if let Ok(prompt) = &prompt {
            let answered = self.render(chat.first(at + 1), false)?;
            if let Some(tail) = answered.strip_prefix(prompt.as_str()) {
                let end = prompt.len() + tail.trim_end().len();
                if whole.text.starts_with(&answered[..end]) && prompt.len() >= before {
                    return Ok(prompt.len()..end);
                }
            }
        }
        if let Some(span) = self.by_marks(chat, at, whole) {
            return Ok(span);
        }
        let found = self.by_change(chat, at, whole, before);
        found.ok_or_else(|| match prompt {
            // What the template has against the messages says more.
            Err(error) if at > 0 => error,
            _ if self.is_without_effect(chat, at, &whole.text) => {
                self.lost(at, "content", &chat.messages[at].content)
            }
            _ => PromptError::Prefix {
                template: self.name().to_owned(),
                message: at,
            },
        })
    }

    /// The span of a turn by the template's own marks, where it marks every turn of the assistant once.
    fn by_marks(&self, chat: Conversation<'_>, at: usize, whole: &Marked) -> Option<Range<usize>> {
        let (text, marks) = self.generation_marks(chat)?;
        let is_answer = |message: &&Message| message.role == Role::Assistant;
        let answers = chat.messages.iter().filter(is_answer).count();
        if text != whole.text || marks.len() != answers {
            return None;
        }
        let own = chat.messages[..at].iter().filter(is_answer).count();
        let span = marks.get(own)?.clone();
        let end = span.start + whole.text[span.clone()].trim_end().len();
        Some(span.start..end)
    }

    /// The span of a turn by what changes with its text.
    fn by_change(
        &self,
        chat: Conversation<'_>,
        at: usize,
        whole: &Marked,
        before: usize,
    ) -> Option<Range<usize>> {
        let changed = self.changed_by(chat, at, &whole.text)?;
        let known = self.render(chat.first(at), false).unwrap_or_default();
        let same = common(known.bytes(), whole.text.bytes()).min(changed.start);
        let content = whole
            .content
            .iter()
            .filter(|range| range.end <= changed.start);
        let content = content.map(|range| range.end).max().unwrap_or(0);
        let start =
            self.behind_header(&whole.text[..changed.start], before.max(content).max(same))?;
        let rest = &whole.text[changed.end..];
        let ends = self
            .ends()
            .filter_map(|stop| Some(rest.find(stop)? + stop.len()));
        Some(start..changed.end + ends.min().unwrap_or(0))
    }

    /// The part of a rendering that is another with another text of the turn, and without its calls.
    fn changed_by(&self, chat: Conversation<'_>, at: usize, text: &str) -> Option<Range<usize>> {
        let mut messages = chat.messages.to_vec();
        messages[at] = with_text(&messages[at], &|_| PROBE.to_owned());
        if let Some(fields) = &mut messages[at].fields {
            fields.remove("tool_calls");
            fields.insert("content".to_owned(), PROBE.into());
        }
        let other = self.render(chat.with(&messages), false).ok()?;
        let start = text.floor_char_boundary(common(text.bytes(), other.bytes()));
        let (left, right) = (&text[start..], &other.as_bytes()[start.min(other.len())..]);
        let end = text.len() - common(left.bytes().rev(), right.iter().copied().rev());
        let end = text.ceil_char_boundary(end);
        (other != text).then_some(start..end)
    }

    /// Whether a turn holds text, and the rendering would be the same with another.
    fn is_without_effect(&self, chat: Conversation<'_>, at: usize, text: &str) -> bool {
        let mut messages = chat.messages.to_vec();
        let has_text = !messages[at].content.trim().is_empty();
        messages[at] = with_text(&messages[at], &|_| PROBE.to_owned());
        let other = self.render(chat.with(&messages), false);
        has_text && other.is_ok_and(|other| other == text)
    }

    /// Where the generation prompt, or as much of it as is there, ends in a text, not before `least`.
    fn behind_header(&self, text: &str, least: usize) -> Option<usize> {
        let header = self.header()?;
        let lengths = (1..=header.len())
            .rev()
            .filter(|end| header.is_char_boundary(*end));
        let mut ends = lengths.filter_map(|length| {
            let part = header[..length].trim_start();
            let found = text.rfind(part).filter(|_| !part.trim_end().is_empty())?;
            Some(found + part.len()).filter(|end| *end >= least)
        });
        ends.next()
    }

    /// What asking for an answer adds to a question.
    fn header(&self) -> Option<String> {
        let asked = [Message::new(Role::User, "q")];
        let [with, without] = [true, false].map(|on| self.render((&asked).into(), on));
        let (with, without) = (with.ok()?, without.ok()?);
        // Without it some templates end the text.
        let same = common(with.bytes(), without.bytes());
        Some(with[with.floor_char_boundary(same)..].to_owned())
    }

    /// The prompt of the last turn with its answer put behind it, for templates that open an answer in the prompt
    /// and cut what was thought once it is given: what generation would have seen, and what it should have written.
    pub(super) fn continued(&self, chat: Conversation<'_>) -> Option<(Marked, Span)> {
        let at = chat.messages.len().checked_sub(1)?;
        let message = &chat.messages[at];
        let mut whole = self
            .render_marked(chat.first(at), true, self.stops())
            .ok()?;
        let text = whole_answer(message)?;
        let opened = (1..=text.len())
            .rev()
            .filter(|end| text.is_char_boundary(*end))
            .find(|end| {
                let opening = text[..*end].trim_end();
                is_tag(opening) && whole.text.trim_end().ends_with(opening)
            })?;
        let is_same_space = whole.text.ends_with(&text[..opened]);
        let rest = if is_same_space {
            &text[opened..]
        } else {
            text[opened..].trim_start()
        };
        let end = self.own_end_of_turn(&self.given_stops())?;
        let start = whole.text.len();
        whole.text.push_str(rest);
        whole.content.push(start..whole.text.len());
        whole.text.push_str(&end);
        let span = start..whole.text.len();
        self.check_end_of_turn(&whole, span.clone(), at).ok()?;
        Some((whole, (at, span)))
    }
}

/// Whether a text is a mark like `<think>` or `[THINK]`.
fn is_tag(text: &str) -> bool {
    let is_within = |open, close| text.starts_with(open) && text.ends_with(close);
    text.len() > 2 && (is_within('<', '>') || is_within('[', ']'))
}

/// What an answer says, with what was thought before it in the marks that models of reasoning write.
fn whole_answer(message: &Message) -> Option<String> {
    if message.calls_tools() {
        return None;
    }
    Some(match message.reasoning() {
        Some(thought) => format!("<think>\n{thought}\n</think>\n\n{}", message.content),
        None => message.content.clone(),
    })
}

/// How many bytes two texts begin with alike.
fn common(left: impl Iterator<Item = u8>, right: impl Iterator<Item = u8>) -> usize {
    left.zip(right).take_while(|(a, b)| a == b).count()
}
