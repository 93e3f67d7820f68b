//! Answers in the form of `OpenAI`'s API: whole, or as events of a stream.

mod logprobs;
mod stream;
mod whole;

pub(crate) use stream::Events;
pub(crate) use whole::Whole;

use serde_json::{Value, json};

use crate::api::{Asked, Form};

/// What every part of an answer says of it.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    form: Form,
    id: String,
    created: i64,
    model: String,
    /// Whether log-probabilities stand beside the texts.
    logprobs: bool,
    texts: usize,
    prompt_tokens: usize,
}

impl Head {
    /// The head of the answer to a request, the `number`th of a server, at `created` in seconds since 1970.
    pub(crate) fn new(asked: &Asked, number: u64, created: i64) -> Self {
        let kind = match asked.form {
            Form::Completion => "cmpl",
            Form::Chat => "chatcmpl",
        };
        Self {
            form: asked.form,
            id: format!("{kind}-{created:x}-{number}"),
            created,
            model: asked.name.clone(),
            logprobs: asked.logprobs.is_some(),
            texts: asked.prompts.len() * asked.choices,
            prompt_tokens: asked.prompt_tokens(),
        }
    }

    fn json(&self, object: &str, choices: &Value) -> Value {
        let Self {
            id, created, model, ..
        } = self;
        json!({"id": id, "object": object, "created": created, "model": model, "choices": choices})
    }

    fn usage(&self, new_tokens: usize) -> Value {
        let prompt_tokens = self.prompt_tokens;
        json!({
            "prompt_tokens": prompt_tokens, "completion_tokens": new_tokens,
            "total_tokens": prompt_tokens + new_tokens,
        })
    }
}
