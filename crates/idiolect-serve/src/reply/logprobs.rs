//! Log-probabilities as each form of answer has them.

use serde_json::{Map, Value, json};

use crate::api::Form;
use crate::work::{TokenLine, TokenText};

/// The tokens of a text, or of a piece of it.
pub(super) fn logprobs(form: Form, tokens: &[TokenLine]) -> Value {
    match form {
        Form::Completion => of_completion(tokens),
        Form::Chat => {
            let content: Vec<Value> = tokens.iter().map(of_chat).collect();
            json!({"content": content, "refusal": null})
        }
    }
}

fn of_completion(tokens: &[TokenLine]) -> Value {
    let texts: Vec<&str> = tokens.iter().map(|line| line.own.text.as_str()).collect();
    let offsets: Vec<usize> = tokens.iter().map(|line| line.offset).collect();
    let value = |line: &TokenLine| line.likeliest.as_ref().map(|_| line.own.log_probability);
    let values: Vec<Option<f32>> = tokens.iter().map(value).collect();
    let tops: Vec<Option<Value>> = tokens.iter().map(top).collect();
    json!({"tokens": texts, "token_logprobs": values, "top_logprobs": tops, "text_offset": offsets})
}

/// The likeliest tokens and the token itself, by their texts. Of two that are spelt alike the likelier stands.
fn top(line: &TokenLine) -> Option<Value> {
    let mut found = Map::new();
    for token in line.likeliest.as_ref()?.iter().chain([&line.own]) {
        let value = || json!(token.log_probability);
        found.entry(token.text.as_str()).or_insert_with(value);
    }
    Some(found.into())
}

fn of_chat(line: &TokenLine) -> Value {
    let mut own = token(&line.own);
    let top = line.likeliest.iter().flatten();
    own["top_logprobs"] = top.map(token).collect();
    own
}

fn token(token: &TokenText) -> Value {
    let TokenText {
        text,
        bytes,
        log_probability,
    } = token;
    json!({"token": text, "logprob": log_probability, "bytes": bytes})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, log_probability: f32) -> TokenText {
        TokenText {
            text: text.into(),
            bytes: text.as_bytes().to_vec(),
            log_probability,
        }
    }

    #[test]
    fn the_first_token_of_a_prompt_has_no_probability_and_every_other_stands_among_the_likeliest() {
        let lines = [
            TokenLine {
                own: text("a", 0.0),
                offset: 0,
                likeliest: None,
            },
            TokenLine {
                own: text("b", -2.0),
                offset: 1,
                likeliest: Some(vec![text("c", -0.5)]),
            },
        ];
        let expected = json!({
            "tokens": ["a", "b"], "token_logprobs": [null, -2.0],
            "top_logprobs": [null, {"c": -0.5, "b": -2.0}], "text_offset": [0, 1],
        });
        assert_eq!(logprobs(Form::Completion, &lines), expected);
        let chat = logprobs(Form::Chat, &lines[1..]);
        let expected = json!({"content": [{
            "token": "b", "logprob": -2.0, "bytes": [98],
            "top_logprobs": [{"token": "c", "logprob": -0.5, "bytes": [99]}],
        }], "refusal": null});
        assert_eq!(chat, expected);
    }
}
