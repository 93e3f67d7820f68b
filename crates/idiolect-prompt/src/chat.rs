//! A checkpoint's own Jinja chat template, with spans.
//!
//! What is trained is what answering adds: the prompt is rendered without the response, the same
//! messages with it, and the difference up to its end-of-turn token is the span. The response is
//! never searched for. What comes out of messages is found by [`StandIns`].

mod content;
mod date;
mod jinja;

pub use date::Date;

use std::ops::Range;
use std::sync::OnceLock;

use idiolect_data::{Message, Role};
use minijinja::{context, value::Value};

use self::content::{Marked, StandIns};
use self::jinja::{Program, raised};
use crate::{PromptError, Rendered};

/// The tokenizer's special tokens, as far as a chat template has to do with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatTokens {
    /// `bos_token` in the template.
    pub bos: Option<String>,
    /// `eos_token` in the template; it ends a turn too.
    pub eos: Option<String>,
    /// Further tokens that end a turn, those of `generation_config.json` for instance.
    /// What the template itself puts behind a response is found out and need not be given.
    pub end_of_turn: Vec<String>,
    /// All other special tokens, so that messages cannot forge them where the template looks into
    /// its messages.
    pub special: Vec<String>,
    /// The day that `strftime_now` prints; without it the template prints its own date.
    pub date: Option<Date>,
}

/// A parsed chat template.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    name: String,
    program: Program,
    tokens: ChatTokens,
    /// Spellings that end a turn: `eos`, the given ones, and what the template itself writes, once somebody
    /// asks: that is found by rendering.
    stops: OnceLock<Vec<String>>,
}

impl ChatTemplate {
    /// Parses the template, and calls it `chat`.
    ///
    /// # Errors
    ///
    /// [`PromptError::Syntax`].
    pub fn new(source: &str, tokens: ChatTokens) -> Result<Self, PromptError> {
        Self::named(jinja::TEMPLATE, source, tokens)
    }

    /// Parses the template, and calls it by a name of its own.
    ///
    /// # Errors
    ///
    /// [`PromptError::Syntax`] with that name.
    pub fn named(name: &str, source: &str, tokens: ChatTokens) -> Result<Self, PromptError> {
        let syntax = |source| PromptError::Syntax {
            template: name.into(),
            source,
        };
        let program = Program::new(source, tokens.date).map_err(syntax)?;
        Ok(Self {
            name: name.into(),
            program,
            tokens,
            stops: OnceLock::new(),
        })
    }

    /// `chat`, or the name that it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Spellings of the tokens that end a response. The first call renders a short conversation, to find what
    /// the template itself writes there.
    #[must_use]
    pub fn stops(&self) -> &[String] {
        self.stops.get_or_init(|| {
            let mut stops = self.given_stops();
            let own = self.own_end_of_turn(&stops);
            stops.extend(own.filter(|own| !own.is_empty() && !stops.contains(own)));
            stops
        })
    }

    /// Those of them that are given with the template; nothing is rendered.
    #[must_use]
    pub fn given_stops(&self) -> Vec<String> {
        let mut stops = Vec::new();
        for stop in self.tokens.eos.iter().chain(&self.tokens.end_of_turn) {
            if !stop.is_empty() && !stops.contains(stop) {
                stops.push(stop.clone());
            }
        }
        stops
    }

    /// The messages with the generation prompt, exactly the text that `transformers` renders.
    ///
    /// # Errors
    ///
    /// [`PromptError::Render`], [`PromptError::Refused`] or [`PromptError::Forged`].
    pub fn prompt(&self, messages: &[Message]) -> Result<Rendered, PromptError> {
        let whole = self.render_marked(messages, true, self.stops())?;
        // An earlier response is marked as in its example; where the template forbids that, the
        // prompt is still good.
        let trained = self.trained_spans(messages, &whole).unwrap_or_default();
        Ok(whole.segments(&trained))
    }

    /// The messages with every response trained up to its end-of-turn token, and nothing behind
    /// the last.
    ///
    /// # Errors
    ///
    /// As [`prompt`](Self::prompt), and [`PromptError::NoResponse`], [`PromptError::Prefix`] or
    /// [`PromptError::NoEndOfTurn`].
    pub fn example(&self, messages: &[Message]) -> Result<Rendered, PromptError> {
        let mut whole = self.render_marked(messages, false, self.stops())?;
        let trained = self.trained_spans(messages, &whole)?;
        let no_response = || PromptError::NoResponse {
            template: self.name.clone(),
        };
        whole
            .text
            .truncate(trained.last().ok_or_else(no_response)?.end);
        Ok(whole.segments(&trained))
    }

    /// Byte ranges of the responses in `whole`, which is rendered from all the messages.
    fn trained_spans(
        &self,
        messages: &[Message],
        whole: &Marked,
    ) -> Result<Vec<Range<usize>>, PromptError> {
        let answers = messages
            .iter()
            .enumerate()
            .filter(|(_, m)| m.role == Role::Assistant);
        answers
            .map(|(at, _)| {
                let prompt = self.render(&messages[..at], true)?;
                let answered = self.render(&messages[..=at], false)?;
                let differs = || PromptError::Prefix {
                    template: self.name.clone(),
                    message: at,
                };
                let tail = answered.strip_prefix(&prompt).ok_or_else(differs)?;
                let end = prompt.len() + tail.trim_end().len();
                if !whole.text.starts_with(&answered[..end]) {
                    return Err(differs());
                }
                self.check_end_of_turn(whole, prompt.len()..end, at)?;
                Ok(prompt.len()..end)
            })
            .collect()
    }

    /// The span must end with a token that ends a turn, written by the template and not by the
    /// message.
    fn check_end_of_turn(
        &self,
        whole: &Marked,
        span: Range<usize>,
        message: usize,
    ) -> Result<(), PromptError> {
        let spelt = &whole.text[span.clone()];
        let is_markup = |stop: &String| {
            let start = span.end - stop.len();
            whole
                .content
                .iter()
                .all(|range| range.end <= start || span.end <= range.start)
        };
        if self
            .stops()
            .iter()
            .any(|stop| spelt.ends_with(stop.as_str()) && is_markup(stop))
        {
            return Ok(());
        }
        let found = spelt
            .char_indices()
            .rev()
            .nth(19)
            .map_or(spelt, |(at, _)| &spelt[at..]);
        Err(PromptError::NoEndOfTurn {
            template: self.name.clone(),
            message,
            expected: self.stops().to_vec(),
            found: found.into(),
        })
    }

    /// What the template writes behind a response, found by rendering one.
    fn own_end_of_turn(&self, given: &[String]) -> Option<String> {
        let turn = |role, content: &str| Message {
            role,
            content: content.into(),
        };
        let turns = [turn(Role::User, "q"), turn(Role::Assistant, "a")];
        let marked = self.render_marked(&turns, false, given).ok()?;
        let response = marked.content.last()?;
        Some(marked.text[response.end..].trim().to_owned())
    }

    /// Renders, and finds what comes out of messages; `stops` are the ends of a turn that are known.
    fn render_marked(
        &self,
        messages: &[Message],
        generation: bool,
        stops: &[String],
    ) -> Result<Marked, PromptError> {
        let text = self.render(messages, generation)?;
        if let Some(stand_ins) = StandIns::of(messages.iter().map(|m| m.content.as_str())) {
            let replace = |m: &Message| Message {
                role: m.role,
                content: stand_ins.replace(&m.content),
            };
            let replaced: Vec<Message> = messages.iter().map(replace).collect();
            if let Ok(rendered) = self.render(&replaced, generation) {
                let marked = stand_ins.restore(&rendered);
                if marked.text == text {
                    return Ok(marked);
                }
            }
        }
        match self.forged(messages, stops) {
            Some(marker) => Err(PromptError::Forged {
                template: self.name.clone(),
                marker,
            }),
            None => Ok(Marked {
                text,
                content: Vec::new(),
            }),
        }
    }

    /// A special token that a message spells.
    fn forged(&self, messages: &[Message], stops: &[String]) -> Option<String> {
        let tokens = &self.tokens;
        let known = stops
            .iter()
            .chain(&tokens.bos)
            .chain(&tokens.eos)
            .chain(&tokens.special);
        let spelt = |marker: &&String| messages.iter().any(|m| m.content.contains(marker.as_str()));
        known
            .filter(|marker| !marker.is_empty())
            .find(spelt)
            .cloned()
    }

    fn render(&self, messages: &[Message], generation: bool) -> Result<String, PromptError> {
        let turn = |m: &Message| context! { role => m.role.as_str(), content => m.content };
        let token = |name: &Option<String>| name.clone().map_or(Value::UNDEFINED, Value::from);
        let values = context! {
            messages => messages.iter().map(turn).collect::<Vec<_>>(),
            add_generation_prompt => generation,
            bos_token => token(&self.tokens.bos),
            eos_token => token(&self.tokens.eos),
            tools => (),
            documents => (),
        };
        let given: usize = messages.iter().map(|m| m.content.len()).sum();
        let rendered = self.program.render(values, given as u64);
        rendered.map_err(|source| match raised(&source) {
            Some(reason) => PromptError::Refused {
                template: self.name.clone(),
                reason: reason.into(),
            },
            None => PromptError::Render {
                template: self.name.clone(),
                source,
            },
        })
    }
}
