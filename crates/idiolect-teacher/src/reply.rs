//! Bodies of requests and replies.
//!
//! Source: the `OpenAI` API reference, "Completions" and "Chat completions", which vLLM, `SGLang`,
//! llama.cpp and mistral.rs follow.

use serde_json::{Map, Value, json};

use crate::request::{Completion, Prompt, TeacherRequest};
use crate::settings::Settings;

/// The body of a request.
pub(crate) fn body(settings: &Settings, model: &str, request: &TeacherRequest) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(model));
    match &request.prompt {
        Prompt::Text(text) => body.insert("prompt".to_owned(), json!(text)),
        Prompt::Chat(turns) => {
            let turn = |turn: &crate::Turn| json!({"role": turn.role, "content": turn.content});
            let turns: Vec<_> = turns.iter().map(turn).collect();
            body.insert("messages".to_owned(), json!(turns))
        }
    };
    body.insert("max_tokens".to_owned(), json!(settings.max_new_tokens));
    let sampling = &settings.sampling;
    body.insert("temperature".to_owned(), decimal(sampling.temperature));
    let warm = sampling.temperature > 0.0;
    let fields = [
        (
            "top_p",
            decimal(sampling.top_p),
            warm && sampling.top_p < 1.0,
        ),
        ("top_k", json!(sampling.top_k), warm && sampling.top_k > 0),
        (
            "min_p",
            decimal(sampling.min_p),
            warm && sampling.min_p > 0.0,
        ),
        (
            "repetition_penalty",
            decimal(sampling.repetition_penalty),
            (sampling.repetition_penalty - 1.0).abs() > f32::EPSILON,
        ),
        ("seed", json!(request.seed & 0x7fff_ffff), warm),
        ("stop", json!(settings.stop), !settings.stop.is_empty()),
    ];
    for (name, value, _) in fields.into_iter().filter(|(_, _, sent)| *sent) {
        body.insert(name.to_owned(), value);
    }
    body.extend(settings.extra.clone());
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
pub(crate) fn completion(reply: &Value, request: &TeacherRequest) -> Result<Completion, String> {
    let choice = reply.get("choices").and_then(|choices| choices.get(0));
    let choice =
        choice.ok_or_else(|| format!("no choices in {}", shortened(&reply.to_string())))?;
    let text = match request.prompt {
        Prompt::Text(_) => choice.get("text"),
        Prompt::Chat(_) => choice
            .get("message")
            .and_then(|message| message.get("content")),
    };
    let text = match text {
        Some(Value::String(text)) => text.clone(),
        // A refusal or a call of a tool comes without text.
        Some(Value::Null) => String::new(),
        _ => return Err(format!("no text in {}", shortened(&choice.to_string()))),
    };
    let usage = |field: &str| {
        let usage = reply.get("usage").and_then(|usage| usage.get(field));
        usage.and_then(Value::as_u64)
    };
    let reason = choice.get("finish_reason").and_then(Value::as_str);
    Ok(Completion {
        id: request.id.clone(),
        prompt_tokens: usage("prompt_tokens").unwrap_or(0),
        token_count: usage("completion_tokens").unwrap_or(text.len().div_ceil(4) as u64),
        finish_reason: reason.unwrap_or("unknown").to_owned(),
        text,
    })
}

/// What a server says about an error: its message where it has one, and whether asking again is of
/// no use.
pub(crate) fn message(reply: &str) -> (String, bool) {
    let parsed: Option<Value> = serde_json::from_str(reply).ok();
    let error = parsed.as_ref().and_then(|reply| reply.get("error"));
    let text = error.and_then(|error| error.get("message").unwrap_or(error).as_str());
    let code = error
        .and_then(|error| error.get("code"))
        .and_then(Value::as_str);
    let hopeless = code == Some("insufficient_quota");
    (shortened(text.unwrap_or(reply)), hopeless)
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

/// At most 300 characters, on one line.
pub(crate) fn shortened(text: &str) -> String {
    let mut characters = text.trim().chars();
    let mut short: String = characters.by_ref().take(300).collect();
    if characters.next().is_some() {
        short.push_str("...");
    }
    short.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use idiolect_generate::Sampling;

    use super::*;
    use crate::Turn;

    fn request(prompt: Prompt) -> TeacherRequest {
        TeacherRequest {
            id: json!(1),
            prompt,
            seed: u64::MAX,
        }
    }

    fn chat() -> Prompt {
        Prompt::Chat(vec![Turn {
            role: "user".into(),
            content: "Hi".into(),
        }])
    }

    #[test]
    fn bodies_hold_what_is_switched_on_and_no_more() {
        let mut settings = Settings::new("https://a.b");
        let greedy = body(&settings, "m", &request(Prompt::Text("so".into())));
        let expected = json!({"model": "m", "prompt": "so", "max_tokens": 512, "temperature": 0.0});
        assert_eq!(greedy, expected);
        settings.sampling = Sampling {
            temperature: 0.95,
            top_k: 50,
            top_p: 0.7,
            ..Sampling::GREEDY
        };
        settings.stop = vec!["###".into()];
        settings.extra.insert("max_tokens".into(), json!(7));
        let expected = json!({
            "model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 7,
            "temperature": 0.95, "top_p": 0.7, "top_k": 50, "seed": 0x7fff_ffff, "stop": ["###"],
        });
        assert_eq!(body(&settings, "m", &request(chat())), expected);
    }

    #[test]
    fn replies() {
        let reply = json!({
            "choices": [{"message": {"content": "Hello"}, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 2},
        });
        let found = completion(&reply, &request(chat())).unwrap();
        assert_eq!(
            (found.text.as_str(), found.finish_reason.as_str()),
            ("Hello", "length")
        );
        assert_eq!((found.prompt_tokens, found.token_count), (9, 2));
        let text = request(Prompt::Text("a".into()));
        assert!(
            completion(&reply, &text)
                .unwrap_err()
                .starts_with("no text in {")
        );
        assert_eq!(
            completion(&json!({"choices": []}), &text).unwrap_err(),
            "no choices in {\"choices\":[]}"
        );
        let bare = json!({"choices": [{"text": "abcde"}]});
        let found = completion(&bare, &text).unwrap();
        assert_eq!(
            (found.token_count, found.finish_reason.as_str()),
            (2, "unknown")
        );
        let refusal = json!({"choices": [{"message": {"content": null}}]});
        assert_eq!(completion(&refusal, &request(chat())).unwrap().text, "");
    }

    #[test]
    fn words_of_a_server() {
        let quota = r#"{"error": {"message": "pay", "code": "insufficient_quota"}}"#;
        assert_eq!(message(quota), ("pay".into(), true));
        assert_eq!(
            message(r#"{"error": "slow down"}"#),
            ("slow down".into(), false)
        );
        assert_eq!(message("<html>\n502"), ("<html> 502".into(), false));
        assert_eq!(message(&"x".repeat(400)).0.len(), 303);
        assert_eq!(only_model(&json!({"data": [{"id": "m"}]})).unwrap(), "m");
        let two = json!({"data": [{"id": "m"}, {"id": "n"}]});
        assert_eq!(only_model(&two).unwrap_err(), "2 models: m, n");
    }
}
