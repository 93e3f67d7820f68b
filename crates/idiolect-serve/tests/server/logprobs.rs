//! Log-probabilities of prompts and texts, against those of the library.

use idiolect_lm::ModelPrompt;
use idiolect_lm::likelihood::ScoredText;
use serde_json::{Value, json};

use crate::running::{Running, model, settings};

/// Nats: another order of sums.
const BOUND: f64 = 1e-4;

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_f64)
        .collect()
}

/// As lm-evaluation-harness' `local-completions` asks and reads it: the sum over the tokens behind the context, without
/// the one new token, and whether each was the likeliest.
#[test]
fn an_echo_has_the_likelihood_of_every_token_of_the_prompt() {
    let Some(settings) = settings() else { return };
    let (server, model) = (Running::start(&settings), model());
    let text = |text: &str| model.prompt_ids(&ModelPrompt::Text(text.into())).unwrap();
    let prompts = [
        text("The sea is wide, and the day is long."),
        text("Say red. red it is"),
    ];
    let start = 4;
    let scored = prompts.iter().map(|ids| {
        vec![ScoredText {
            ids: ids.clone(),
            start,
        }]
    });
    let (expected, _) = model.likelihoods(&scored.collect::<Vec<_>>()).unwrap();
    for new in [0, 1] {
        let answer = server.ask(
            "/v1/completions",
            &json!({"prompt": prompts, "max_tokens": new, "logprobs": 1, "echo": true, "temperature": 0}),
        );
        for (at, ids) in prompts.iter().enumerate() {
            let found = &answer["choices"][at]["logprobs"];
            assert_eq!(found["token_logprobs"][0], Value::Null);
            assert_eq!(found["top_logprobs"][0], Value::Null);
            let values = numbers(&found["token_logprobs"]);
            assert_eq!(values.len(), ids.len() - 1 + new, "{found}");
            let values = &values[start - 1..ids.len() - 1];
            let tops = &found["top_logprobs"].as_array().unwrap()[start..ids.len()];
            let best = |top: &Value| {
                let all = top.as_object().unwrap().values().filter_map(Value::as_f64);
                all.fold(f64::NEG_INFINITY, f64::max)
            };
            let is_greedy = tops.iter().zip(values).all(|(top, own)| best(top) <= *own);
            let sum: f64 = values.iter().sum();
            let wanted = expected[at][0];
            assert!(
                (sum - wanted.log_likelihood).abs() < BOUND,
                "{sum} {wanted:?}"
            );
            assert_eq!(is_greedy, wanted.greedy);
        }
    }
}

#[test]
fn every_new_token_has_its_likelihood_and_its_place() {
    let Some(settings) = settings() else { return };
    let (server, model) = (Running::start(&settings), model());
    let prompt = model
        .prompt_ids(&ModelPrompt::Text("The sea".into()))
        .unwrap();
    let body = json!({
        "prompt": prompt, "max_tokens": 10, "logprobs": 3, "seed": 2, "ignore_eos": true, "echo": true,
    });
    let answer = server.ask("/v1/completions", &body);
    let choice = &answer["choices"][0];
    let (text, found) = (choice["text"].as_str().unwrap(), &choice["logprobs"]);
    let values = numbers(&found["token_logprobs"]);
    assert_eq!(values.len(), prompt.len() - 1 + 10);
    // The new tokens, found by their spelling, are as likely as a prompt that has them.
    let mut all = prompt.clone();
    for at in prompt.len()..prompt.len() + 10 {
        let spelt = found["tokens"][at].as_str().unwrap();
        let vocab = u32::try_from(model.decoder().config.vocab_size).unwrap();
        let value = values[at - 1];
        let scores = |id: u32| {
            let mut ids = all.clone();
            ids.push(id);
            model.prompt_scores(&ids, 3).unwrap().pop().unwrap()
        };
        let spells = |id: &u32| {
            let bytes = model.tokenizer().token_bytes(*id);
            String::from_utf8(bytes).is_ok_and(|text| text == spelt)
        };
        let Some(id) = (0..vocab).find(spells) else {
            return;
        };
        let score = scores(id);
        assert!((f64::from(score.own.log_probability) - value).abs() < BOUND);
        let top = found["top_logprobs"][at].as_object().unwrap();
        assert!((3..=4).contains(&top.len()), "{top:?}");
        all.push(id);
    }
    let tokens = found["tokens"].as_array().unwrap();
    for (token, offset) in tokens.iter().zip(found["text_offset"].as_array().unwrap()) {
        let offset = usize::try_from(offset.as_u64().unwrap()).unwrap();
        let behind: String = text.chars().skip(offset).collect();
        let token = token.as_str().unwrap();
        let special = token.starts_with("<|") || token.starts_with("bytes:");
        assert!(
            special || behind.starts_with(token.trim_start()) || behind.starts_with(token),
            "{token:?} {behind:?}"
        );
    }
    // Streamed, the same numbers come with the text that they belong to.
    let events = server.events("/v1/completions", &body);
    let pieces = events
        .iter()
        .map(|event| &event["choices"][0]["logprobs"]["token_logprobs"]);
    let streamed: Vec<f64> = pieces
        .filter(|list| list.is_array())
        .flat_map(numbers)
        .collect();
    assert_eq!(streamed, values);
}

/// lm-evaluation-harness takes the last token off, so that one that ends the text must be there.
#[test]
fn a_token_that_ends_a_text_is_the_last_of_its_tokens() {
    let Some(settings) = settings() else { return };
    let (server, model) = (Running::start(&settings), model());
    let body = json!({"prompt": "The sea", "max_tokens": 100, "n": 32, "seed": 1, "logprobs": 0, "temperature": 2});
    let answer = server.ask("/v1/completions", &body);
    let mut ended = 0;
    let mut count = 0;
    for choice in answer["choices"].as_array().unwrap() {
        let tokens = choice["logprobs"]["tokens"].as_array().unwrap();
        count += tokens.len();
        if choice["finish_reason"] != "stop" {
            assert_eq!(tokens.len(), 100);
            continue;
        }
        ended += 1;
        let last = model
            .tokenizer()
            .id_of(tokens.last().unwrap().as_str().unwrap())
            .unwrap();
        assert!(model.stop_tokens().contains(&last));
        let end = choice["text"].as_str().unwrap().chars().count();
        assert_eq!(choice["logprobs"]["text_offset"][tokens.len() - 1], end);
    }
    assert!(ended > 0);
    assert_eq!(answer["usage"]["completion_tokens"], count);
}

#[test]
fn a_conversation_has_them_in_its_own_form() {
    let Some(settings) = settings() else { return };
    let server = Running::start(&settings);
    let body = json!({
        "messages": [{"role": "user", "content": "Say red."}], "max_tokens": 5, "temperature": 0,
        "logprobs": true, "top_logprobs": 2, "ignore_eos": true,
    });
    let answer = server.ask("/v1/chat/completions", &body);
    let content = answer["choices"][0]["logprobs"]["content"]
        .as_array()
        .unwrap();
    assert_eq!(content.len(), 5);
    for token in content {
        assert_eq!(token["top_logprobs"].as_array().unwrap().len(), 2);
        assert_eq!(token["top_logprobs"][0]["logprob"], token["logprob"]);
        assert!(token["bytes"].is_array() && token["logprob"].as_f64().unwrap() <= 0.0);
    }
    let mut plain = body;
    plain
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !name.contains("logprobs"));
    let plain = server.ask("/v1/chat/completions", &plain);
    assert_eq!(
        plain["choices"][0]["message"],
        answer["choices"][0]["message"]
    );
    assert_eq!(plain["choices"][0]["logprobs"], Value::Null);
}
