//! An answer as server-sent events, each a part of it in JSON, with `[DONE]` at the end.

use serde_json::{Value, json};

use super::Head;
use super::logprobs::logprobs;
use crate::api::{Form, Streamed};
use crate::refusal::Refusal;
use crate::work::{Reply, TokenLine};

/// An answer under way.
pub(crate) struct Events {
    head: Head,
    streamed: Streamed,
    /// Whether the client knows who speaks, of each text.
    begun: Vec<bool>,
    new_tokens: usize,
}

impl Events {
    /// An answer of which nothing was sent.
    pub(crate) fn new(head: Head, streamed: Streamed) -> Self {
        Self {
            begun: vec![false; head.texts],
            head,
            streamed,
            new_tokens: 0,
        }
    }

    /// New tokens so far.
    pub(crate) fn new_tokens(&self) -> usize {
        self.new_tokens
    }

    /// The events of a piece, ready to be sent.
    pub(crate) fn of(&mut self, reply: Reply) -> String {
        match reply {
            Reply::Text {
                choice,
                text,
                tokens,
            } => self.begin(choice) + &self.text(choice, &text, &tokens),
            Reply::Done {
                choice,
                finish,
                new_tokens,
            } => {
                self.new_tokens += new_tokens;
                self.begin(choice) + &self.part(choice, json!({}), None, Some(finish))
            }
            Reply::Failed(refusal) => failed(&refusal),
            Reply::End => self.end(),
        }
    }

    /// Who speaks, where a conversation's answer begins.
    fn begin(&mut self, choice: usize) -> String {
        let is_first = self.begun.get_mut(choice);
        let is_first = is_first.is_some_and(|begun| !std::mem::replace(begun, true));
        if self.head.form == Form::Completion || !is_first {
            return String::new();
        }
        let delta = json!({"role": "assistant", "content": ""});
        self.part(choice, delta, None, None)
    }

    fn text(&self, choice: usize, text: &str, tokens: &[TokenLine]) -> String {
        let tokens = self.head.logprobs.then(|| logprobs(self.head.form, tokens));
        self.part(choice, json!({"content": text}), tokens, None)
    }

    fn part(
        &self,
        index: usize,
        delta: Value,
        logprobs: Option<Value>,
        finish: Option<&str>,
    ) -> String {
        let choice = match self.head.form {
            Form::Completion => json!({
                "index": index, "text": delta["content"].as_str().unwrap_or_default(),
                "logprobs": logprobs, "finish_reason": finish,
            }),
            Form::Chat => json!({
                "index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish,
            }),
        };
        let mut part = self.head.json(self.object(), &json!([choice]));
        if self.streamed.usage {
            part["usage"] = Value::Null;
        }
        event(&part)
    }

    fn end(&self) -> String {
        let mut last = String::new();
        if self.streamed.usage {
            let mut part = self.head.json(self.object(), &json!([]));
            part["usage"] = self.head.usage(self.new_tokens);
            last = event(&part);
        }
        last + "data: [DONE]\n\n"
    }

    fn object(&self) -> &'static str {
        match self.head.form {
            Form::Completion => "text_completion",
            Form::Chat => "chat.completion.chunk",
        }
    }
}

/// The event that says why there is no more.
fn failed(refusal: &Refusal) -> String {
    event(&refusal.json())
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}
