//! Bodies of requests and replies.
//!
//! Source: the `OpenAI` API reference, "Completions" and "Chat completions", which vLLM, `SGLang`,
//! llama.cpp and mistral.rs follow.

use idiolect_completion::{Completion, FinishReason};
use idiolect_input::shown;
use serde_json::{Map, Value, json};

use crate::request::{Call, Form};

/// A completion, and what it cost as the server counts.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) completion: Completion,
    /// Tokens of the prompt; 0 where the server does not say.
    pub(crate) prompt_tokens: u64,
    /// New tokens; where the server does not say, a quarter of the text's bytes.
    pub(crate) text_tokens: u64,
}

/// What an attempt that failed cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Billed {
    /// Nothing, as far as anybody knows.
    #[default]
    Nothing,
    /// An answer was begun, and does not say.
    Unknown,
    /// What the server counts.
    Tokens { prompt: u64, text: u64 },
}

/// What a reply says that it cost, where it says anything.
pub(crate) fn usage(reply: &Value) -> Option<Billed> {
    let [prompt, text] = ["prompt_tokens", "completion_tokens"].map(|field| counted(reply, field));
    (prompt.is_some() || text.is_some()).then(|| Billed::Tokens {
        prompt: prompt.unwrap_or(0),
        text: text.unwrap_or(0),
    })
}

fn counted(reply: &Value, field: &str) -> Option<u64> {
    reply.get("usage")?.get(field)?.as_u64()
}

/// The body of a request; `extra` takes the place of the fields before it.
pub(crate) fn body(model: &str, call: &Call, extra: &Map<String, Value>) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(model));
    match &call.form {
        Form::Text(text) => body.insert("prompt".to_owned(), json!(text)),
        Form::Chat(turns) => body.insert("messages".to_owned(), json!(turns)),
    };
    body.insert("max_tokens".to_owned(), json!(call.max_new_tokens));
    let sampling = &call.sampling;
    body.insert("temperature".to_owned(), decimal(sampling.temperature));
    let drawn = sampling.temperature > 0.0;
    let fields = [
        (
            "top_p",
            decimal(sampling.top_p),
            drawn && sampling.top_p < 1.0,
        ),
        ("top_k", json!(sampling.top_k), drawn && sampling.top_k > 0),
        (
            "min_p",
            decimal(sampling.min_p),
            drawn && sampling.min_p > 0.0,
        ),
        (
            "repetition_penalty",
            decimal(sampling.repetition_penalty),
            (sampling.repetition_penalty - 1.0).abs() > f32::EPSILON,
        ),
        ("seed", json!(call.seed & 0x7fff_ffff), drawn),
        ("stop", json!(call.stop), !call.stop.is_empty()),
    ];
    for (name, value, _) in fields.into_iter().filter(|(_, _, sent)| *sent) {
        body.insert(name.to_owned(), value);
    }
    body.extend(extra.clone());
    Value::Object(body)
}

/// A number with the digits that a person would write, not those of its double.
fn decimal(value: f32) -> Value {
    value
        .to_string()
        .parse::<f64>()
        .map_or(Value::Null, Value::from)
}

/// The completion that a reply holds, or what it holds instead.
pub(crate) fn completion(reply: &Value, call: &Call) -> Result<Answer, String> {
    let choice = reply.get("choices").and_then(|choices| choices.get(0));
    let choice =
        choice.ok_or_else(|| format!("no choices in {}", shortened(&reply.to_string())))?;
    let text = match call.form {
        Form::Text(_) => choice.get("text"),
        Form::Chat(_) => choice
            .get("message")
            .and_then(|message| message.get("content")),
    };
    let text = match text {
        Some(Value::String(text)) => text.clone(),
        // A refusal or a call of a tool comes without text.
        Some(Value::Null) => String::new(),
        _ => return Err(format!("no text in {}", shortened(&choice.to_string()))),
    };
    let reason = choice.get("finish_reason").and_then(Value::as_str);
    let text_tokens = counted(reply, "completion_tokens").unwrap_or(text.len().div_ceil(4) as u64);
    Ok(Answer {
        prompt_tokens: counted(reply, "prompt_tokens").unwrap_or(0),
        text_tokens,
        completion: Completion {
            token_count: usize::try_from(text_tokens).unwrap_or(usize::MAX),
            finish_reason: FinishReason::from(reason.unwrap_or("unknown")),
            ..Completion::new(call.id.clone(), text)
        },
    })
}

/// What a server says about an error: its message where it has one, all of `text` where not, and whether asking
/// again is of no use.
pub(crate) fn message(reply: Option<&Value>, text: &str) -> (String, bool) {
    let error = reply.and_then(|reply| reply.get("error"));
    let own = error.and_then(|error| error.get("message").unwrap_or(error).as_str());
    let code = error
        .and_then(|error| error.get("code"))
        .and_then(Value::as_str);
    let hopeless = code == Some("insufficient_quota");
    (own.unwrap_or(text).to_owned(), hopeless)
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

/// At most 300 characters, on one line, with nothing that a terminal acts on.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.trim().replace(['\n', '\r'], " ");
    shown(&line, 300).into_owned()
}

#[cfg(test)]
mod tests {
    use idiolect_completion::{CompletionRequest, Prompt, Sampling};

    use super::*;
    use crate::config::TeacherConfig;

    fn request(prompt: Prompt) -> CompletionRequest {
        CompletionRequest::new(json!(1), prompt, u64::MAX)
    }

    fn chat() -> Prompt {
        Prompt::user("Hi")
    }

    fn asked(config: &TeacherConfig, prompt: Prompt) -> Value {
        let request = request(prompt);
        body("m", &Call::new(config, &request).unwrap(), &config.extra)
    }

    fn read(reply: &Value, prompt: Prompt) -> Result<Answer, String> {
        let (config, request) = (TeacherConfig::new("https://a.b"), request(prompt));
        completion(reply, &Call::new(&config, &request).unwrap())
    }

    #[test]
    fn bodies_hold_what_is_switched_on_and_no_more() {
        let mut config = TeacherConfig::new("https://a.b");
        let greedy = asked(&config, Prompt::Text("so".into()));
        let expected = json!({"model": "m", "prompt": "so", "max_tokens": 512, "temperature": 0.0});
        assert_eq!(greedy, expected);
        config.sampling = Sampling {
            temperature: 0.95,
            top_k: 50,
            top_p: 0.7,
            ..Sampling::GREEDY
        };
        config.stop = vec!["###".into()];
        config.extra.insert("max_tokens".into(), json!(7));
        let expected = json!({
            "model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 7,
            "temperature": 0.95, "top_p": 0.7, "top_k": 50, "seed": 0x7fff_ffff, "stop": ["###"],
        });
        assert_eq!(asked(&config, chat()), expected);
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
    fn words_of_a_server() {
        let message = |text: &str| {
            let reply = serde_json::from_str(text).ok();
            let (message, hopeless) = message(reply.as_ref(), text);
            (shortened(&message), hopeless)
        };
        let quota = r#"{"error": {"message": "pay", "code": "insufficient_quota"}}"#;
        assert_eq!(message(quota), ("pay".into(), true));
        assert_eq!(
            message(r#"{"error": "slow down"}"#),
            ("slow down".into(), false)
        );
        assert_eq!(message("<html>\n502"), ("<html> 502".into(), false));
        let long = message(&"x".repeat(400)).0;
        assert_eq!(long, "x".repeat(300) + " ... (100 more bytes)");
        assert_eq!(message("a\u{1b}b").0, "a\\u{1b}b");
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
