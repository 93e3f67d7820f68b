//! What a reply holds.
//!
//! Source: the `OpenAI` API reference, "Completions" and "Chat completions", which vLLM, `SGLang`,
//! llama.cpp and mistral.rs follow.

mod given;
mod said;

use idiolect_completion::{Completion, FinishReason, GivenResponse, Logprobs, Reasoning};

use serde_json::Value;

use crate::failure::{Passing, counted};
use crate::logprobs::{AskedLogprobs, scored_tokens};
use crate::request::{Call, Form};
use crate::words::shortened;
use given::given_logprobs;
use said::{Said, said};

/// A completion, and what it cost as the server counts.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) completion: Completion,
    /// Tokens of the prompt; 0 where the server does not say.
    pub(crate) prompt_tokens: u64,
    /// New tokens; where the server does not say, a quarter of the text's bytes.
    pub(crate) text_tokens: u64,
    /// Reasoning was taken out of the text.
    pub(crate) removed: bool,
    /// There was reasoning and no text.
    pub(crate) only_reasoning: bool,
}

/// Why a reply with status 200 holds no completion.
#[derive(Debug, PartialEq)]
pub(crate) enum NoCompletion {
    /// It says that something went wrong, which may pass.
    Passing(Passing),
    /// It has another form, as the next one would have.
    OtherForm(String),
}

/// The completion that a reply holds, or what it holds instead.
pub(crate) fn completion(
    reply: &Value,
    call: &Call,
    (reasoning, asked): (Reasoning, Option<&AskedLogprobs>),
) -> Result<Answer, NoCompletion> {
    let choice = reply.get("choices").and_then(|choices| choices.get(0));
    let choice = choice.ok_or_else(|| without_choice(reply))?;
    let prompt_tokens = counted(reply, "prompt_tokens").unwrap_or(0);
    if let (Form::Given(given), Some(asked)) = (&call.form, asked) {
        let logprobs = given_logprobs(choice, given, asked).map_err(NoCompletion::OtherForm)?;
        return Ok(Answer::scored(call.id, given, logprobs, prompt_tokens));
    }
    let said = match call.form {
        Form::Text(_) | Form::Given(_) => {
            choice.get("text").and_then(Value::as_str).map(Said::text)
        }
        Form::Chat(_) => choice.get("message").and_then(said),
    };
    let said = said.ok_or_else(|| {
        NoCompletion::OtherForm(format!("no text in {}", shortened(&choice.to_string())))
    })?;
    let (text, removed) = said.kept(reasoning);
    // A text without its reasoning is not that of its tokens.
    let asked = asked.filter(|_| !removed && said.reasoning.is_none());
    let scored = asked.map(|asked| scored_tokens(choice, &text, asked));
    let scored = scored.transpose().map_err(NoCompletion::OtherForm)?;
    let (token_ids, logprobs) = scored.map(|own| (own.ids, own.logprobs)).unzip();
    let reason = choice.get("finish_reason").and_then(Value::as_str);
    let text_tokens = counted(reply, "completion_tokens").unwrap_or(text.len().div_ceil(4) as u64);
    Ok(Answer {
        prompt_tokens,
        text_tokens,
        removed,
        only_reasoning: text.trim().is_empty() && (removed || said.reasoning.is_some()),
        completion: Completion {
            token_count: usize::try_from(text_tokens).unwrap_or(usize::MAX),
            finish_reason: FinishReason::from(reason.unwrap_or("unknown")),
            token_ids,
            logprobs,
            ..Completion::new(call.id.clone(), text)
        },
    })
}

impl Answer {
    /// A given response with the distributions at its tokens; the token that the server had to write is dropped.
    fn scored(id: &Value, given: &GivenResponse, logprobs: Logprobs, prompt_tokens: u64) -> Self {
        Self {
            prompt_tokens,
            text_tokens: 1,
            removed: false,
            only_reasoning: false,
            completion: Completion {
                token_count: given.response.len(),
                token_ids: Some(given.response.clone()),
                logprobs: Some(logprobs),
                ..Completion::new(id.clone(), given.text.clone())
            },
        }
    }
}

/// A reply without choices: some servers report a fault of the model behind them with status 200.
fn without_choice(reply: &Value) -> NoCompletion {
    let shown = shortened(&reply.to_string());
    if reply.get("error").is_some_and(|error| !error.is_null()) {
        return NoCompletion::Passing(Passing {
            found: format!("an error with status 200: {shown}"),
            wait: None,
            is_loading: false,
        });
    }
    NoCompletion::OtherForm(format!("no choices in {shown}"))
}

/// The only model that a server has.
pub(crate) fn only_model(reply: &Value) -> Result<String, String> {
    let models = reply.get("data").and_then(Value::as_array);
    let models =
        models.ok_or_else(|| format!("no list of models in {}", shortened(&reply.to_string())))?;
    let names = models
        .iter()
        .filter_map(|model| model.get("id").and_then(Value::as_str));
    let names: Vec<_> = names.collect();
    match names.as_slice() {
        [name] => Ok((*name).to_owned()),
        _ => Err(shortened(&format!(
            "{} models: {}",
            names.len(),
            names.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use idiolect_completion::{CompletionRequest, Prompt};
    use serde_json::json;

    use super::*;
    use crate::config::TeacherConfig;
    use crate::failure::{Billed, usage};

    fn request(prompt: Prompt) -> CompletionRequest {
        CompletionRequest::new(json!(1), prompt, u64::MAX)
    }

    fn chat() -> Prompt {
        Prompt::user("Hi")
    }

    fn read_with(reply: &Value, prompt: Prompt, kept: Reasoning) -> Result<Answer, String> {
        let (config, request) = (TeacherConfig::new("https://a.b"), request(prompt));
        let answer = completion(reply, &Call::new(&config, &request).unwrap(), (kept, None));
        answer.map_err(|error| match error {
            NoCompletion::OtherForm(found) => found,
            NoCompletion::Passing(passing) => format!("passing: {}", passing.found),
        })
    }

    fn read(reply: &Value, prompt: Prompt) -> Result<Answer, String> {
        read_with(reply, prompt, Reasoning::Remove)
    }

    #[test]
    fn content_in_parts_and_reasoning_beside_it() {
        let told = |message: Value, kept| {
            let reply = json!({"choices": [{"message": message}]});
            let answer = read_with(&reply, chat(), kept);
            answer.map(|found| (found.completion.text, found.removed, found.only_reasoning))
        };
        let thinking = json!({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]});
        let parts = json!({"content": [thinking, {"type": "text", "text": "The "}, {"type": "text", "text": "sea."}]});
        let (remove, keep) = (Reasoning::Remove, Reasoning::Keep);
        let text = |text: &str, removed, only| Ok((text.to_owned(), removed, only));
        assert_eq!(told(parts.clone(), remove), text("The sea.", true, false));
        assert_eq!(
            told(parts, keep),
            text("<think>\nhm\n</think>\n\nThe sea.", false, false)
        );
        let marked = json!({"content": "<think>hm</think>\n\nThe sea."});
        assert_eq!(told(marked.clone(), remove), text("The sea.", true, false));
        assert_eq!(
            told(marked, keep),
            text("<think>hm</think>\n\nThe sea.", false, false)
        );
        let unended = json!({"content": "<think>hm"});
        assert_eq!(told(unended, remove), text("", true, true));
        let beside = json!({"content": "The sea.", "reasoning_content": "hm"});
        assert_eq!(told(beside, remove), text("The sea.", false, false));
        for name in ["reasoning_content", "reasoning"] {
            let mut message = json!({"content": null});
            message[name] = json!("hm");
            assert_eq!(told(message, keep), text("", false, true));
        }
        assert_eq!(
            told(json!({"reasoning": "hm"}), remove),
            text("", false, true)
        );
        assert_eq!(
            told(json!({"content": null}), remove),
            text("", false, false)
        );
        assert_eq!(
            told(json!({"tool_calls": []}), remove),
            text("", false, false)
        );
        assert_eq!(
            told(json!({"content": ["The ", "sea."]}), remove),
            text("The sea.", false, false)
        );
        assert_eq!(told(json!({"content": []}), remove), text("", false, false));
        for message in [
            json!({"content": [{"type": "image_url", "image_url": "x"}]}),
            json!({"content": [{"type": "text"}]}),
            json!({"content": 7}),
            json!({"content": {}}),
            json!({}),
            json!("text"),
        ] {
            let error = told(message.clone(), remove).unwrap_err();
            assert!(error.starts_with("no text in {"), "{message}: {error}");
        }
    }

    #[test]
    fn an_error_with_status_200_may_pass() {
        let error = read(&json!({"error": {"code": 502}}), chat()).unwrap_err();
        assert_eq!(
            error,
            "passing: an error with status 200: {\"error\":{\"code\":502}}"
        );
        let null = json!({"error": null, "choices": [{"message": {"content": "Hi"}}]});
        assert_eq!(read(&null, chat()).unwrap().completion.text, "Hi");
    }

    #[test]
    fn replies() {
        let reply = json!({
            "choices": [{"message": {"content": "Hello"}, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 2},
        });
        let found = read(&reply, chat()).unwrap();
        let written = &found.completion;
        assert_eq!(
            (written.text.as_str(), written.finish_reason.as_str()),
            ("Hello", "length")
        );
        assert_eq!((found.prompt_tokens, found.text_tokens), (9, 2));
        assert_eq!(written.token_count, 2);
        let text = || Prompt::Text("a".into());
        assert!(
            read(&reply, text())
                .unwrap_err()
                .starts_with("no text in {")
        );
        assert_eq!(
            read(&json!({"choices": []}), text()).unwrap_err(),
            "no choices in {\"choices\":[]}"
        );
        let bare = json!({"choices": [{"text": "abcde"}]});
        let found = read(&bare, text()).unwrap().completion;
        assert_eq!(
            (found.token_count, found.finish_reason.as_str()),
            (2, "unknown")
        );
        let refusal = json!({"choices": [{"message": {"content": null}}]});
        assert_eq!(read(&refusal, chat()).unwrap().completion.text, "");
    }

    #[test]
    fn the_only_model_and_the_bill() {
        let bill = json!({"usage": {"prompt_tokens": 3}});
        let billed = Billed::Tokens { prompt: 3, text: 0 };
        assert_eq!(
            (usage(&bill), usage(&json!({"usage": 1}))),
            (Some(billed), None)
        );
        assert_eq!(only_model(&json!({"data": [{"id": "m"}]})).unwrap(), "m");
        let two = json!({"data": [{"id": "m"}, {"id": "n"}]});
        assert_eq!(only_model(&two).unwrap_err(), "2 models: m, n");
    }
}
