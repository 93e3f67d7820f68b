//! Many requests at once: none is lost, none has another's answer, and more than may wait are told so.

use std::ops::ControlFlow;

use idiolect_generate::GenerationSettings;
use idiolect_lm::{GenerateRun, ModelPrompt};
use serde_json::json;

use crate::running::{Running, model, settings};

#[test]
fn of_a_hundred_requests_at_once_each_has_its_own_answer() {
    let Some(settings) = settings() else { return };
    let (server, model) = (Running::start(&settings), model());
    let prompt = |at: u64| format!("Number {at} is {}", at * 37 % 101);
    let expected = |at: u64| {
        let settings = GenerationSettings {
            max_new_tokens: 8,
            temperature: 1.0,
            ..GenerationSettings::default()
        };
        let run = GenerateRun {
            seed: at,
            ignore_eos: false,
        };
        let go_on = &mut |_: idiolect_generate::GenerationEvent<'_>| ControlFlow::Continue(());
        let done = model.generate(&[ModelPrompt::Text(prompt(at))], &settings, run, go_on);
        done.unwrap().remove(0).text
    };
    let server = &server;
    let served: Vec<String> = std::thread::scope(|scope| {
        let ask = |at: u64| {
            let body = json!({"prompt": prompt(at), "seed": at, "max_tokens": 8});
            scope.spawn(move || {
                if at.is_multiple_of(2) {
                    return server.texts(&body).remove(0);
                }
                let events = server.events("/v1/completions", &body);
                let pieces = events.iter().map(|event| &event["choices"][0]["text"]);
                pieces.filter_map(serde_json::Value::as_str).collect()
            })
        };
        let asked: Vec<_> = (0..100).map(ask).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for (at, text) in (0..).zip(served) {
        assert_eq!(text, expected(at), "request {at}");
    }
}

#[test]
fn who_finds_the_line_full_is_told_to_come_again() {
    let Some(mut settings) = settings() else {
        return;
    };
    settings.limits.max_waiting = 1;
    let server = &Running::start(&settings);
    let body =
        json!({"prompt": "The sea", "n": 24, "max_tokens": 100, "ignore_eos": true}).to_string();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = |_| scope.spawn(|| server.post("/v1/completions", &body, None));
        let asked: Vec<_> = (0..8).map(ask).collect();
        asked
            .into_iter()
            .map(|one| {
                let (status, answer) = one.join().unwrap();
                let is_busy = answer["error"]["type"] == "overloaded_error";
                assert_eq!(is_busy, status == 503, "{answer}");
                status
            })
            .collect()
    });
    assert!(
        statuses.contains(&200) && statuses.contains(&503),
        "{statuses:?}"
    );
    assert_eq!(
        server.texts(&json!({"prompt": "x", "max_tokens": 1})).len(),
        1
    );
}
