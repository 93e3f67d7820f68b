//! Fields of `OpenAI`'s API that are not obeyed: accepted where leaving them out changes no answer, refused by name
//! elsewhere.

use idiolect_data::settings::nearest_name;
use serde_json::{Value, json};

use crate::refusal::Refusal;

/// Fields that say nothing about the answer.
const SAY_NOTHING: [&str; 8] = [
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "user",
];

/// Values that mean what this server does anyway.
fn neutral(name: &str) -> Vec<Value> {
    match name {
        "frequency_penalty" | "presence_penalty" | "min_tokens" => vec![json!(0)],
        "best_of" | "length_penalty" => vec![json!(1)],
        "logit_bias" => vec![json!({})],
        "suffix" => vec![json!("")],
        "tools" | "functions" => vec![json!([])],
        "tool_choice" | "function_call" => vec![json!("none"), json!("auto")],
        "response_format" => vec![json!({"type": "text"})],
        "modalities" => vec![json!(["text"])],
        "use_beam_search" | "continue_final_message" => vec![json!(false)],
        "add_generation_prompt" | "skip_special_tokens" => vec![json!(true)],
        _ => Vec::new(),
    }
}

/// Fields of other servers, and what they are called in `OpenAI`'s API.
const OTHERS: [(&str, &str); 8] = [
    ("max_new_tokens", "max_tokens"),
    ("max_length", "max_tokens"),
    ("max_output_tokens", "max_tokens"),
    ("n_predict", "max_tokens"),
    ("num_predict", "max_tokens"),
    ("stop_sequences", "stop"),
    ("adapter", "model"),
    ("inputs", "prompt"),
];

/// Refuses a field that would change the answer; `read` are those that somebody reads.
pub(super) fn check_rest(name: &str, value: &Value, read: &[String]) -> Result<(), Refusal> {
    let neutral = neutral(name);
    if SAY_NOTHING.contains(&name) || neutral.iter().any(|own| same(own, value)) {
        return Ok(());
    }
    if let Some((_, own)) = OTHERS.iter().find(|(other, _)| *other == name) {
        return Err(Refusal::field(name, format!("it is called {own} here")));
    }
    if neutral.is_empty() {
        let near = nearest_name(name, read);
        let near = near.map_or(String::new(), |near| format!("; the nearest is {near}"));
        let problem = format!("this server knows no such field{near}");
        return Err(Refusal::field(name, problem));
    }
    let own: Vec<String> = neutral.iter().map(ToString::to_string).collect();
    let problem = format!(
        "this server does not do that: leave it out, or give {}",
        own.join(" or ")
    );
    Err(Refusal::field(name, problem))
}

/// Whether two values mean the same; 0 and 0.0 do.
fn same(own: &Value, value: &Value) -> bool {
    match (own.as_f64(), value.as_f64()) {
        (Some(own), Some(value)) => (own - value).abs() <= 0.0,
        _ => own == value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_nothing_is_accepted_and_the_rest_refused_by_name() {
        for (name, value) in [
            ("user", json!("me")),
            ("presence_penalty", json!(0.0)),
            ("response_format", json!({"type": "text"})),
            ("tools", json!([])),
            ("best_of", json!(1)),
        ] {
            assert!(check_rest(name, &value, &[]).is_ok(), "{name}");
        }
        for (name, value) in [
            ("presence_penalty", json!(0.1)),
            ("response_format", json!({"type": "json_object"})),
            ("tools", json!([{"type": "function"}])),
            ("temprature", json!(0)),
            ("max_new_tokens", json!(4)),
            ("best_of", json!(4)),
        ] {
            let refusal = check_rest(name, &value, &[]).unwrap_err();
            assert_eq!(refusal.param.as_deref(), Some(name));
            assert!(refusal.message.starts_with(name), "{}", refusal.message);
        }
        let read = ["prompt", "temperature"].map(str::to_owned);
        let refusal = check_rest("promt", &json!("x"), &read).unwrap_err();
        assert!(
            refusal.message.ends_with("; the nearest is prompt"),
            "{}",
            refusal.message
        );
        let refusal = check_rest("max_new_tokens", &json!(4), &[]).unwrap_err();
        assert!(refusal.message.ends_with("called max_tokens here"));
    }
}
