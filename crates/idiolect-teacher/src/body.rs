//! Bodies of requests.
//!
//! Source: the `OpenAI` API reference, "Completions" and "Chat completions", which vLLM, `SGLang`,
//! llama.cpp and mistral.rs follow.

use serde_json::{Map, Value, json};

use crate::config::TeacherConfig;
use crate::request::{Call, Form};

/// Names of the most new tokens.
pub(crate) const LIMITS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// The body of a request with the most new tokens called `limit`; the settings' `extra` takes the place of the
/// fields before it.
pub(crate) fn body(model: &str, call: &Call, config: &TeacherConfig, limit: &str) -> Value {
    let extra = &config.extra;
    let (name, shown) = match &call.form {
        Form::Text(text) => ("prompt", json!(text)),
        Form::Chat(turns) => ("messages", json!(turns)),
        Form::Given(given) => {
            let ids = given.prompt.iter().copied().chain(given.scored());
            ("prompt", ids.collect())
        }
    };
    let mut body = match &call.form {
        Form::Given(_) => to_score(config),
        _ => to_write(call, config, limit),
    };
    body.insert("model".to_owned(), json!(model));
    body.insert(name.to_owned(), shown);
    body.extend(extra.clone());
    body.retain(|name, value| !(value.is_null() && extra.contains_key(name)));
    Value::Object(body)
}

/// vLLM's form: the likeliest in the place of each token of the prompt, and that token. One token has to be written.
fn to_score(config: &TeacherConfig) -> Map<String, Value> {
    let count = config.logprobs.as_ref().map_or(0, |asked| asked.count);
    let fields = [
        ("max_tokens", json!(1)),
        ("temperature", json!(0.0)),
        ("prompt_logprobs", json!(count)),
    ];
    let fields = fields.into_iter();
    fields
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn to_write(call: &Call, config: &TeacherConfig, limit: &str) -> Map<String, Value> {
    let extra = &config.extra;
    let mut body = Map::new();
    if !LIMITS.iter().any(|name| extra.contains_key(*name)) {
        body.insert(limit.to_owned(), json!(call.max_new_tokens));
    }
    let sampling = &call.sampling;
    if !config.omit_temperature {
        body.insert("temperature".to_owned(), decimal(sampling.temperature));
    }
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
    if let Some(asked) = &config.logprobs {
        match call.form {
            Form::Chat(_) => {
                body.insert("logprobs".to_owned(), json!(true));
                body.insert("top_logprobs".to_owned(), json!(asked.count))
            }
            _ => body.insert("logprobs".to_owned(), json!(asked.count)),
        };
        // Of vLLM, which has texts of tokens else; llama.cpp has their ids beside them and passes over this.
        body.insert("return_tokens_as_token_ids".to_owned(), json!(true));
    }
    body
}

/// A number with the digits that a person would write, not those of its double.
fn decimal(value: f32) -> Value {
    value
        .to_string()
        .parse::<f64>()
        .map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use idiolect_completion::{CompletionRequest, Prompt, Sampling};

    use super::*;

    fn request(prompt: Prompt) -> CompletionRequest {
        CompletionRequest::new(json!(1), prompt, u64::MAX)
    }

    fn chat() -> Prompt {
        Prompt::user("Hi")
    }

    fn asked(config: &TeacherConfig, prompt: Prompt) -> Value {
        let request = request(prompt);
        body(
            "m",
            &Call::new(config, &request).unwrap(),
            config,
            "max_tokens",
        )
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
    fn the_limit_has_the_name_that_is_asked_for_and_fields_can_be_left_out() {
        let mut config = TeacherConfig::new("https://a.b");
        config.omit_temperature = true;
        let request = request(chat());
        let call = |config: &TeacherConfig| {
            body(
                "m",
                &Call::new(config, &request).unwrap(),
                config,
                LIMITS[1],
            )
        };
        let turns = json!([{"role": "user", "content": "Hi"}]);
        let expected = json!({"model": "m", "messages": turns, "max_completion_tokens": 512});
        assert_eq!(call(&config), expected);
        config
            .extra
            .insert("max_completion_tokens".into(), json!(9));
        config.extra.insert("model".into(), Value::Null);
        let expected = json!({"messages": turns, "max_completion_tokens": 9});
        assert_eq!(call(&config), expected);
        config
            .extra
            .insert("max_completion_tokens".into(), Value::Null);
        assert_eq!(call(&config), json!({"messages": turns}));
    }
}
