//! A checkpoint's own Jinja chat template, with spans.
//!
//! What is trained is what answering adds: the prompt is rendered without the response, the same
//! messages with it, and the difference up to its end-of-turn token is the span (`spans.rs` has what is done
//! where that does not hold). The response is never searched for. What comes out of messages is found by
//! [`content::StandIns`]; that a rendering shows what the row says is checked (`shown.rs`).

mod content;
mod date;
mod jinja;
mod render;
mod shown;
mod spans;
mod turns;
mod values;

pub use date::{Date, NoDate};

use std::ops::Range;
use std::sync::OnceLock;

use idiolect_data::{Message, Role};

use self::content::Marked;
use self::jinja::Program;
use self::turns::{Span, trained};
use crate::{Conversation, PromptError, Rendered};

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
    /// The template for rows with tools, where that is another.
    with_tools: Option<Program>,
    /// The template with its marks of what is generated written out, where it has some.
    marked: Option<Program>,
    tokens: ChatTokens,
    takes_parts: OnceLock<bool>,
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
        let marked = Program::with_marks(source, tokens.date).map_err(syntax)?;
        Ok(Self {
            name: name.into(),
            program,
            with_tools: None,
            marked,
            tokens,
            takes_parts: OnceLock::new(),
            stops: OnceLock::new(),
        })
    }

    /// Takes another template for conversations with tools, as checkpoints keep one under the name `tool_use`.
    ///
    /// # Errors
    ///
    /// [`PromptError::Syntax`].
    pub fn for_tools(mut self, source: &str) -> Result<Self, PromptError> {
        let program = Program::new(source, self.tokens.date);
        self.with_tools = Some(program.map_err(|source| PromptError::Syntax {
            template: format!("{} for tools", self.name),
            source,
        })?);
        Ok(self)
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

    /// The text that `transformers` renders, with or without the generation prompt, and no more: nothing is marked
    /// or checked in it.
    ///
    /// # Errors
    ///
    /// [`PromptError::Render`] or [`PromptError::Refused`].
    pub fn text<'a>(
        &self,
        conversation: impl Into<Conversation<'a>>,
        generation: bool,
    ) -> Result<String, PromptError> {
        self.render(conversation.into(), generation)
    }

    /// The messages with the generation prompt, exactly the text that `transformers` renders.
    ///
    /// # Errors
    ///
    /// [`PromptError::Render`], [`PromptError::Refused`] or [`PromptError::Forged`].
    pub fn prompt<'a>(
        &self,
        conversation: impl Into<Conversation<'a>>,
    ) -> Result<Rendered, PromptError> {
        let chat = conversation.into();
        let whole = self.render_marked(chat, true, self.stops())?;
        // An earlier response is marked as in its example; where the template forbids that, the
        // prompt is still good.
        let trained = self.trained_spans(chat, &whole).unwrap_or_default();
        Ok(whole.segments(&ranges(trained)))
    }

    /// The messages with every response that is to be trained, each up to its end-of-turn token, and nothing behind
    /// the last of them.
    ///
    /// # Errors
    ///
    /// As [`prompt`](Self::prompt), and [`PromptError::NoResponse`], [`PromptError::Prefix`],
    /// [`PromptError::Lost`], [`PromptError::ToolsLost`] or [`PromptError::NoEndOfTurn`].
    pub fn example<'a>(
        &self,
        conversation: impl Into<Conversation<'a>>,
    ) -> Result<Rendered, PromptError> {
        let chat = conversation.into();
        let no_response = || PromptError::NoResponse {
            template: self.name.clone(),
        };
        let last = trained(chat.messages).last().ok_or_else(no_response)?;
        let whole = self.render_marked(chat, false, self.stops())?;
        let (mut whole, spans) = match self.trained_spans(chat, &whole) {
            Ok(spans) => {
                self.check_rest(chat, &whole, &spans)?;
                (whole, spans)
            }
            Err(error) => self.as_generated(chat.first(last + 1)).ok_or(error)?,
        };
        let end = spans.last().map_or(0, |(_, span)| span.end);
        whole.text.truncate(end);
        Ok(whole.segments(&ranges(spans)))
    }

    /// The last answer behind the prompt that asks for it, and the earlier ones as they stand in that prompt.
    fn as_generated(&self, chat: Conversation<'_>) -> Option<(Marked, Vec<Span>)> {
        let (whole, last) = self.continued(chat)?;
        let before = chat.first(chat.messages.len() - 1);
        let mut spans = self.trained_spans(before, &whole).ok()?;
        spans.push(last);
        Some((whole, spans))
    }

    /// Spellings that may stand at the end of a turn: those that end a response, and any special token, with which
    /// some templates end a call of tools or an earlier response.
    fn ends(&self) -> impl Iterator<Item = &String> {
        let special = self.tokens.special.iter();
        let special =
            special.filter(|token| !token.is_empty() && self.tokens.bos.as_ref() != Some(token));
        self.stops().iter().chain(special)
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
            .ends()
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
        let turns = [
            Message::new(Role::User, "q"),
            Message::new(Role::Assistant, "a"),
        ];
        let marked = self.render_marked((&turns).into(), false, given).ok()?;
        let response = marked.content.last()?;
        Some(marked.text[response.end..].trim().to_owned())
    }
}

fn ranges(spans: Vec<Span>) -> Vec<Range<usize>> {
    spans.into_iter().map(|(_, range)| range).collect()
}
