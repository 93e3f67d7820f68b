//! Answers are those of the library with the same prompt, settings and seed, whole and streamed.

use std::ops::ControlFlow;

use idiolect_data::{Message, Role};
use idiolect_generate::{Generated, GenerationSettings};
use idiolect_lm::{GenerateRun, LanguageModel, ModelPrompt};
use idiolect_serve::NamedAdapter;
use serde_json::{Value, json};

use crate::running::{ADAPTER, Running, adapter, model, settings};

/// What the library writes at temperature 1, as the server by default.
fn written(
    model: &LanguageModel,
    prompts: &[ModelPrompt],
    tokens: usize,
    seed: u64,
) -> Vec<Generated> {
    let settings = GenerationSettings {
        max_new_tokens: tokens,
        temperature: 1.0,
        ..GenerationSettings::default()
    };
    let run = GenerateRun {
        seed,
        ignore_eos: false,
    };
    let go_on = &mut |_: idiolect_generate::GenerationEvent<'_>| ControlFlow::Continue(());
    model.generate(prompts, &settings, run, go_on).unwrap()
}

fn texts(rows: Vec<Generated>) -> Vec<String> {
    rows.into_iter().map(|row| row.text).collect()
}

#[test]
fn texts_are_those_of_the_library_whichever_form_the_prompt_has() {
    let Some(settings) = settings() else { return };
    let (server, model) = (Running::start(&settings), model());
    let text = |text: &str| ModelPrompt::Text(text.into());
    let ids = |prompt: &str| model.prompt_ids(&text(prompt)).unwrap();
    let (one, two) = ("The sea is wide", "red and blue");
    let body = |prompt: Value, more: usize| json!({"prompt": prompt, "seed": 7, "max_tokens": 12, "n": more});
    let single = texts(written(&model, &[text(one)], 12, 7));
    assert_eq!(server.texts(&body(json!(one), 1)), single);
    assert_eq!(server.texts(&body(json!(ids(one)), 1)), single);
    let both = texts(written(&model, &[text(one), text(two)], 12, 7));
    assert_eq!(server.texts(&body(json!([one, two]), 1)), both);
    assert_eq!(server.texts(&body(json!([ids(one), ids(two)]), 1)), both);
    let twice = texts(written(
        &model,
        &[text(one), text(one), text(two), text(two)],
        12,
        7,
    ));
    let served = server.texts(&body(json!([one, two]), 2));
    assert_eq!(served, twice);
    assert_ne!(served[0], served[1]);
    // Echo stands before the text.
    let mut echoed = body(json!(one), 1);
    echoed["echo"] = json!(true);
    assert_eq!(server.texts(&echoed), [format!("{one}{}", single[0])]);
}

#[test]
fn a_conversation_is_answered_as_its_template_renders_it() {
    let Some(settings) = settings() else { return };
    let (server, model) = (Running::start(&settings), model());
    let turns = vec![
        Message::new(Role::System, "Be short."),
        Message::new(Role::User, "Say red."),
    ];
    let expected = written(&model, &[ModelPrompt::Messages(turns.clone())], 20, 3).remove(0);
    let messages = json!([
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": [{"type": "text", "text": "Say red."}]},
    ]);
    let body = json!({"messages": messages, "seed": 3, "max_completion_tokens": 20});
    let answer = server.ask("/v1/chat/completions", &body);
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["content"], expected.text.as_str());
    assert_eq!(choice["message"]["role"], "assistant");
    let prompt = model
        .prompt_ids(&ModelPrompt::Messages(turns.clone()))
        .unwrap()
        .len();
    let new = expected.token_ids.len();
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": prompt, "completion_tokens": new, "total_tokens": prompt + new})
    );
    assert_eq!(choice["finish_reason"], "length");
    // A stop from the middle of the answer ends it there, as it does in the library.
    let whole: Vec<char> = expected.text.chars().collect();
    let stop: String = whole[whole.len() / 2..].iter().take(3).collect();
    let mut stopped = body.clone();
    stopped["stop"] = json!([stop]);
    let choice = &server.ask("/v1/chat/completions", &stopped)["choices"][0];
    let settings = GenerationSettings {
        max_new_tokens: 20,
        temperature: 1.0,
        stop: vec![stop],
        ..GenerationSettings::default()
    };
    let run = GenerateRun {
        seed: 3,
        ignore_eos: false,
    };
    let go_on = &mut |_: idiolect_generate::GenerationEvent<'_>| ControlFlow::Continue(());
    let cut = model
        .generate(&prompt_of(turns), &settings, run, go_on)
        .unwrap();
    assert_eq!(choice["message"]["content"], cut[0].text.as_str());
    assert_ne!(cut[0].text, expected.text);
    assert_eq!(choice["finish_reason"], "stop");
}

fn prompt_of(turns: Vec<Message>) -> [ModelPrompt; 1] {
    [ModelPrompt::Messages(turns)]
}

#[test]
fn the_pieces_of_a_stream_are_the_whole_answer() {
    let Some(settings) = settings() else { return };
    let server = Running::start(&settings);
    let body = json!({
        "prompt": ["The sea", "A day"], "n": 2, "seed": 5, "max_tokens": 30, "ignore_eos": true,
    });
    let whole = server.ask("/v1/completions", &body);
    let mut streamed = body.clone();
    streamed["stream_options"] = json!({"include_usage": true});
    streamed["stream"] = json!(true);
    let mut events = server.events("/v1/completions", &streamed);
    let last = events.pop().unwrap();
    assert_eq!(
        (&last["usage"], &last["choices"]),
        (&whole["usage"], &json!([]))
    );
    let mut texts = vec![String::new(); 4];
    let mut finished = 0;
    for event in &events {
        assert_eq!(event["usage"], Value::Null);
        let choice = &event["choices"][0];
        texts[usize::try_from(choice["index"].as_u64().unwrap()).unwrap()] +=
            choice["text"].as_str().unwrap();
        finished += usize::from(choice["finish_reason"] == "length");
    }
    let expected = whole["choices"].as_array().unwrap().iter();
    assert!(
        texts
            .iter()
            .eq(expected.map(|choice| choice["text"].as_str().unwrap()))
    );
    assert!(
        finished == 4 && events.len() > 20,
        "{finished} {}",
        events.len()
    );

    let body =
        json!({"messages": [{"role": "user", "content": "Say red."}], "seed": 5, "max_tokens": 9});
    let whole = server.ask("/v1/chat/completions", &body);
    let events = server.events("/v1/chat/completions", &body);
    assert_eq!(
        events[0]["choices"][0]["delta"],
        json!({"role": "assistant", "content": ""})
    );
    assert_eq!(events[0]["object"], "chat.completion.chunk");
    let pieces = events
        .iter()
        .map(|event| &event["choices"][0]["delta"]["content"]);
    let text: String = pieces.filter_map(Value::as_str).collect();
    assert_eq!(whole["choices"][0]["message"]["content"], text.as_str());
    assert_eq!(
        events.last().unwrap()["choices"][0]["finish_reason"],
        "length"
    );
}

#[test]
fn each_request_has_the_adapter_that_it_names() {
    let Some(mut settings) = settings() else {
        return;
    };
    // The directory of a run stands for the adapter in it.
    let run = tempfile::tempdir().unwrap();
    std::fs::create_dir(run.path().join("adapter")).unwrap();
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        std::fs::copy(adapter().join(name), run.path().join("adapter").join(name)).unwrap();
    }
    settings.adapters = vec![NamedAdapter {
        name: ADAPTER.into(),
        folder: run.path().to_owned(),
    }];
    let server = Running::start(&settings);
    let base = model();
    let tuned = base.load_adapter(&adapter()).unwrap();
    let prompt = [ModelPrompt::Text("The sea is wide".into())];
    let [plain, adapted] = [&base, &tuned].map(|model| texts(written(model, &prompt, 16, 1)));
    assert_ne!(plain, adapted);
    let body = |name: Value| json!({"model": name, "prompt": "The sea is wide", "max_tokens": 16, "seed": 1});
    for _ in 0..2 {
        assert_eq!(server.texts(&body(json!(ADAPTER))), adapted);
        assert_eq!(server.texts(&body(json!("tiny-llama3"))), plain);
        assert_eq!(server.texts(&body(Value::Null)), plain);
    }
    let (_, list) = server.get("/v1/models");
    let names: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["tiny-llama3", ADAPTER]);
    let (status, one) = server.get("/v1/models/tuned");
    assert_eq!(
        (status, &one["parent"], &one["max_model_len"]),
        (200, &json!("tiny-llama3"), &json!(256))
    );
    let (status, error) = server.post("/v1/completions", &body(json!("other")).to_string(), None);
    assert_eq!(
        (status, &error["error"]["code"]),
        (404, &json!("model_not_found"))
    );
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("tiny-llama3, tuned")
    );
}

#[test]
fn seeds_are_obeyed_and_without_one_every_request_has_its_own() {
    let Some(settings) = settings() else { return };
    let server = Running::start(&settings);
    let body = |seed: Value| json!({"prompt": "The sea", "max_tokens": 16, "seed": seed});
    let [first, second] = [0, 1].map(|_| server.texts(&body(Value::Null)));
    assert_ne!(first, second);
    assert_eq!(
        server.texts(&body(json!(-1))),
        server.texts(&body(json!(-1)))
    );
    let greedy = json!({"prompt": "The sea", "max_tokens": 16, "temperature": 0});
    assert_eq!(server.texts(&greedy), server.texts(&greedy));
}
