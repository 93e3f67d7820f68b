//! A response that is scored and not written: vLLM's `prompt_logprobs`, by a reply that its server gave.
//!
//! The reply is of vLLM 0.32 with SmolLM2-135M-Instruct in f32 on a CPU.

use std::collections::HashMap;
use std::sync::Arc;

use idiolect_completion::{Completion, CompletionRequest, GivenResponse, LogprobTail, Prompt};
use idiolect_teacher::{AskedLogprobs, Teacher, TeacherConfig, TeacherError};
use serde_json::{Value, json};

use crate::asking::settings;
use crate::common::{Act, Server};

const REQUEST: &str = include_str!("../recorded/vllm-0.32-request.json");
const RECORDED: &str = include_str!("../recorded/vllm-0.32-reply.json");

/// A question, and from the thirteenth token on the answer `A café, naïvely: 你好.` with its end.
fn given() -> GivenResponse {
    let request: Value = serde_json::from_str(REQUEST).unwrap();
    let ids: Vec<u32> = serde_json::from_value(request["prompt"].clone()).unwrap();
    GivenResponse {
        prompt: ids[..12].to_vec(),
        response: ids[12..25].to_vec(),
        end: Some(ids[25]),
        text: "A café, naïvely: 你好.".into(),
    }
}

/// A few words of the model's vocabulary; 2 is special, and of `你好` each token is a part of a character.
fn text_of(id: u32) -> &'static str {
    let words = HashMap::from([
        (49, "A"),
        (37366, " café"),
        (28, ","),
        (15486, " na"),
        (25972, "ï"),
        (14470, "vely"),
        (42, ":"),
        (216, " "),
        (18645, "\u{fffd}"),
        (250, "\u{fffd}"),
        (48392, "\u{fffd}"),
        (138, "\u{fffd}"),
        (30, "."),
        (2, ""),
    ]);
    words[&id]
}

/// Settings that ask for the `count` likeliest, of a vocabulary in which `other` is another word.
fn config(server: &Server, count: usize, other: Option<u32>) -> TeacherConfig {
    let decode = move |ids: &[u32]| {
        let text = |id: &u32| {
            if other == Some(*id) {
                " tea"
            } else {
                text_of(*id)
            }
        };
        Some(ids.iter().map(text).collect())
    };
    TeacherConfig {
        model: Some("smollm2".into()),
        logprobs: Some(AskedLogprobs {
            count,
            decode: Arc::new(decode),
        }),
        ..settings(server)
    }
}

/// What comes of asking with these settings for the distributions of a response.
fn scored(config: TeacherConfig, given: GivenResponse) -> Result<Vec<Completion>, TeacherError> {
    let teacher = Teacher::new(config).unwrap();
    let mut done = Vec::new();
    let request = CompletionRequest::new(json!(1), Prompt::Given(given), 1);
    teacher.complete(&[request], &mut |completion| {
        done.push(completion);
        Ok(())
    })?;
    Ok(done)
}

fn recorded() -> Server {
    Server::start(|_| Act::Reply(200, "", RECORDED.into()))
}

#[test]
fn the_distributions_are_those_of_the_reply() {
    let server = recorded();
    let done = scored(config(&server, 3, None), given()).unwrap();
    let [
        Completion {
            text,
            token_ids,
            logprobs: Some(found),
            ..
        },
    ] = done.as_slice()
    else {
        panic!("{done:?}")
    };
    assert_eq!(*text, given().text);
    assert_eq!(*token_ids, Some(given().response));
    assert_eq!(
        (found.tail, found.end, found.entries.len()),
        (LogprobTail::Lumped, Some(2), 14)
    );
    // By hand from the file: `A` is the second there, and `你`'s first token none of the likeliest.
    let entries = |at: usize| {
        let entries = found.entries[at].iter();
        entries
            .map(|entry| (entry.token, entry.log_probability))
            .collect::<Vec<_>>()
    };
    let first = [(504, -2.695_945_5), (49, -2.744_348_3), (57, -2.946_201)];
    assert_eq!(entries(0), first);
    assert_eq!(entries(8)[0], (198, -0.548_754_9));
    assert!(entries(8).iter().all(|(token, _)| *token != 18645));
    let asked = &server.asked.lock().unwrap()[0];
    assert!(asked.line.contains(" /v1/completions "), "{}", asked.line);
    let expected: Value = serde_json::from_str(REQUEST).unwrap();
    assert_eq!(asked.body, expected);
}

#[test]
fn what_does_not_fit_the_response_is_refused() {
    let server = recorded();
    let told = |config, given| scored(config, given).unwrap_err().to_string();
    let error = told(config(&server, 3, Some(37366)), given());
    assert!(
        error.contains("ids of another vocabulary: token 37366 is \"café\", here \"tea\""),
        "{error}"
    );
    let mut other = given();
    other.response[1] = 28;
    let error = told(config(&server, 3, None), other);
    assert!(
        error.contains("ids of another vocabulary: token 28 is"),
        "{error}"
    );
    let mut longer = given();
    longer.prompt.push(198);
    let error = told(config(&server, 3, None), longer);
    assert!(
        error.contains("prompt_logprobs of 26 tokens, of 27"),
        "{error}"
    );
    let error = told(config(&server, 5, None), given());
    assert!(
        error.contains("3 likeliest tokens at token 49, of 5"),
        "{error}"
    );
    let error = told(settings(&server), given());
    assert!(
        error.contains("prompt: expected logprobs in the settings"),
        "{error}"
    );
}

#[test]
fn replies_of_another_form_are_refused() {
    let told = |change: &dyn Fn(&mut Value)| {
        let mut reply: Value = serde_json::from_str(RECORDED).unwrap();
        change(&mut reply["choices"][0]);
        let server = Server::start(move |_| Act::Reply(200, "", reply.to_string()));
        scored(config(&server, 3, None), given())
            .unwrap_err()
            .to_string()
    };
    let error = told(&|choice| choice["prompt_logprobs"] = Value::Null);
    assert!(
        error.contains("no prompt_logprobs, which vLLM's server gives"),
        "{error}"
    );
    let error = told(&|choice| choice["prompt_logprobs"][13] = Value::Null);
    assert!(
        error.contains("no distribution at token 37366: null"),
        "{error}"
    );
    let error = told(&|choice| choice["prompt_logprobs"][13]["290"]["logprob"] = Value::Null);
    assert!(
        error.contains("no ids with logprob at token 37366"),
        "{error}"
    );
}
