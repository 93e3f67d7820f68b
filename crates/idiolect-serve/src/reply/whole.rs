//! An answer that is sent when all of it is there.

use serde_json::{Value, json};

use super::Head;
use super::logprobs::logprobs;
use crate::api::Form;
use crate::work::{Reply, TokenLine};

/// An answer that is being collected.
pub(crate) struct Whole {
    head: Head,
    texts: Vec<Choice>,
    new_tokens: usize,
}

#[derive(Default)]
struct Choice {
    text: String,
    tokens: Vec<TokenLine>,
    finish: Option<&'static str>,
}

impl Whole {
    /// An answer of which nothing is there.
    pub(crate) fn new(head: Head) -> Self {
        let texts = std::iter::repeat_with(Choice::default).take(head.texts);
        Self {
            texts: texts.collect(),
            head,
            new_tokens: 0,
        }
    }

    /// Adds a piece.
    pub(crate) fn add(&mut self, reply: Reply) {
        match reply {
            Reply::Text {
                choice,
                text,
                tokens,
            } => {
                if let Some(own) = self.texts.get_mut(choice) {
                    own.text += &text;
                    own.tokens.extend(tokens);
                }
            }
            Reply::Done {
                choice,
                finish,
                new_tokens,
            } => {
                self.new_tokens += new_tokens;
                if let Some(own) = self.texts.get_mut(choice) {
                    own.finish = Some(finish);
                }
            }
            Reply::Failed(_) | Reply::End => {}
        }
    }

    /// New tokens so far.
    pub(crate) fn new_tokens(&self) -> usize {
        self.new_tokens
    }

    /// The answer.
    pub(crate) fn json(&self) -> Value {
        let choices: Value = self
            .texts
            .iter()
            .enumerate()
            .map(|one| self.choice(one))
            .collect();
        let object = match self.head.form {
            Form::Completion => "text_completion",
            Form::Chat => "chat.completion",
        };
        let mut answer = self.head.json(object, &choices);
        answer["usage"] = self.head.usage(self.new_tokens);
        answer
    }

    fn choice(&self, (index, own): (usize, &Choice)) -> Value {
        let form = self.head.form;
        let tokens = self.head.logprobs.then(|| logprobs(form, &own.tokens));
        let (text, finish) = (&own.text, own.finish);
        match form {
            Form::Completion => json!({
                "index": index, "text": text, "logprobs": tokens, "finish_reason": finish,
            }),
            Form::Chat => json!({
                "index": index, "message": {"role": "assistant", "content": text, "refusal": null},
                "logprobs": tokens, "finish_reason": finish,
            }),
        }
    }
}
