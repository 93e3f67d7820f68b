//! A model on a server that teaches one here, token by token: `distill --server` with a server's `logprobs`.

use idiolect::finetune::Loss;
use idiolect::{Dataset, FineTune, FineTuneSettings, LanguageModel, TrainConfig, TrainingEvent};
use serde_json::{Value, json};

use crate::common::{Place, done, idiolect, owned, refused, words};
use crate::loopback::{Act, Server};

/// The call that has a server rewrite twelve rows, with the three likeliest tokens at each token.
fn distill(place: &Place, model: &str, url: &str) -> Vec<String> {
    let text = format!(
        "distill --model {model} --data $D --server {url} --server-model m --max-new-tokens 12 --logprobs 3 \
         --verdicts none --in-flight 2 --threads 1 --out $OUT/taught"
    );
    crate::call(place, &text)
}

/// Trains on them; what was told of stored distributions, and the losses.
fn trained(model: &LanguageModel, data: &str) -> (String, Vec<f64>) {
    let (data, mut told) = (Dataset::open(data).unwrap(), String::new());
    let run = FineTune::new(model, &data).settings(FineTuneSettings {
        loss: Loss::StoredKl,
        ..FineTuneSettings::default()
    });
    let run = run.config(TrainConfig {
        epochs: 3,
        batch_size: 6,
        accumulation: 1,
        learning_rate: 1e-3,
        ..TrainConfig::default()
    });
    let run = run.on_event(|event| {
        if let TrainingEvent::Stored(_) = event {
            told = event.to_string();
        }
    });
    let report = run.start().unwrap().report;
    let losses = report.steps.iter().map(|step| step.loss).collect();
    (told, losses)
}

/// A server that writes two tokens and ends, with ids in vLLM's form.
fn vllm(ids: [u32; 2], text: &str, end: u32) -> Server {
    let text = text.to_owned();
    let place = move |id: u32| {
        let entry = |id: u32, logprob: f64| json!({"token": format!("token_id:{id}"), "logprob": logprob, "bytes": null});
        let others = [entry(id, -0.25), entry(id + 1, -2.0), entry(id + 2, -3.0)];
        json!({"token": format!("token_id:{id}"), "logprob": -0.25, "bytes": null, "top_logprobs": others})
    };
    Server::start(move |asked| {
        let body = &asked.body;
        // In turns, for the server's own template.
        assert!(asked.line.contains("chat/completions") && body["messages"].is_array());
        assert_eq!(body["top_logprobs"], 3);
        assert_eq!(body["return_tokens_as_token_ids"], true);
        let content = [ids[0], ids[1], end].map(&place);
        let choice = json!({"message": {"role": "assistant", "content": text}, "finish_reason": "stop",
            "logprobs": {"content": content}});
        Act::Reply(200, "", json!({"choices": [choice]}).to_string())
    })
}

#[test]
fn a_server_that_gives_ids_teaches_a_model_of_its_vocabulary_alone() {
    let Some(place) = Place::new() else { return };
    let model = LanguageModel::open(&place.model("tiny-llama3")).unwrap();
    let ids = model.tokenizer().encode_text("so it").unwrap();
    let ids: [u32; 2] = [ids[0], *ids.last().unwrap()];
    let text = model.tokenizer().decode(&ids, true).unwrap();
    let end = model.stop_tokens()[0];
    let server = vllm(ids, &text, end);
    let call = distill(&place, "$M", &server.url);
    let summary: Value = serde_json::from_str(&done(&words(&call))).unwrap();
    // Two tokens and the end of each; the rewrites are scored by the model here.
    assert_eq!(summary["logprobs"], json!({"rewrites": 12, "tokens": 36}));
    assert_eq!(summary["spent"]["texts"], 12);
    assert!(summary["target_nll"]["after"]["per_token"].is_number());
    let bytes = std::fs::read(place.path("taught/journal/logprobs.bin")).unwrap();
    assert!(bytes.starts_with(b"{\"logprobs\":1,\"count\":3,"));
    // All texts are there: the server is not asked again.
    done(&words(&call));
    assert_eq!(server.count(), 12);
    let again = std::fs::read(place.path("taught/journal/logprobs.bin")).unwrap();
    assert!(again == bytes);
    let (told, losses) = trained(&model, &place.path("taught/distilled.json"));
    assert!(told.starts_with("stored distributions: "), "{told}");
    assert!(losses.last() < losses.first(), "{losses:?}");
    // The same ids mean another text in another vocabulary.
    let other = Place::new().unwrap();
    let server = vllm(ids, "another text", end);
    let call = distill(&other, "$M", &server.url);
    let out = idiolect(&words(&call));
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{errors}");
    assert!(errors.contains("ids of another vocabulary"), "{errors}");
    let call = [call, owned(&["--adapter", "a"])].concat();
    refused(&words(&call), &["--adapter", "server"]);
}

/// A server that scores the tokens that it is sent in vLLM's form, each the likeliest in its place.
fn scoring_vllm(model: &LanguageModel) -> Server {
    let model = model.clone();
    Server::start(move |asked| {
        let body = &asked.body;
        assert!(asked.line.contains(" /v1/completions ") && body["prompt_logprobs"] == 3);
        let ids: Vec<u32> = serde_json::from_value(body["prompt"].clone()).unwrap();
        let place = |id: &u32| {
            let entry = |rank: u32| {
                let token = id + rank - 1;
                let text = model.tokenizer().decode(&[token], true).unwrap();
                let said =
                    json!({"logprob": -f64::from(rank), "rank": rank, "decoded_token": text});
                (token.to_string(), said)
            };
            (1..=3).map(entry).collect::<Value>()
        };
        let mut places: Vec<Value> = ids.iter().map(place).collect();
        places[0] = Value::Null;
        let choice = json!({"text": "so", "finish_reason": "length", "prompt_logprobs": places});
        let usage = json!({"prompt_tokens": ids.len(), "completion_tokens": 1});
        Act::Reply(
            200,
            "",
            json!({"choices": [choice], "usage": usage}).to_string(),
        )
    })
}

#[test]
fn a_server_scores_the_responses_that_are_there() {
    let Some(place) = Place::new() else { return };
    let model = LanguageModel::open(&place.model("tiny-llama3")).unwrap();
    let server = scoring_vllm(&model);
    let call = |url: &str| {
        let call = distill(&place, "$M", url).join(" ");
        let call = call.replace("--verdicts none", "--keep-responses");
        call.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let summary: Value = serde_json::from_str(&done(&words(&call(&server.url)))).unwrap();
    assert_eq!(
        (server.count(), &summary["spent"]["texts"]),
        (12, &json!(12))
    );
    let (told, losses) = trained(&model, &place.path("taught/distilled.json"));
    assert!(
        told.contains("12 rows have all of theirs, 0 some, 0 none"),
        "{told}"
    );
    assert!(losses.last() < losses.first(), "{losses:?}");
    // llama.cpp's server, and most others, say nothing of the prompt's tokens.
    let other = Place::new().unwrap();
    let silent = json!({"choices": [{"text": "so"}]}).to_string();
    let server = Server::start(move |_| Act::Reply(200, "", silent.clone()));
    let call = call(&server.url)
        .join(" ")
        .replace(&place.path("taught"), &other.path("taught"));
    let out = idiolect(&words(
        &call.split(' ').map(str::to_owned).collect::<Vec<_>>(),
    ));
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{errors}");
    assert!(errors.contains("no prompt_logprobs"), "{errors}");
}

/// `cargo xtask test server` starts one and sets the variable.
#[test]
fn a_real_server_teaches_a_model_token_by_token() {
    let Ok(url) = std::env::var("IDIOLECT_OPENAI_URL") else {
        return;
    };
    let Some(place) = Place::new() else { return };
    let Some(path) = idiolect_testkit::smollm2_gguf() else {
        return;
    };
    let path = path.display().to_string();
    done(&words(&distill(&place, &path, &url)));
    let model = LanguageModel::open(&path).unwrap();
    let (told, losses) = trained(&model, &place.path("taught/distilled.json"));
    assert!(told.starts_with("stored distributions: "), "{told}");
    assert!(losses.last() < losses.first(), "{losses:?}");
    // A text that ended by itself has its end too.
    let journal = place.lines("taught/journal/rewrites.jsonl");
    let ids: Vec<u32> = serde_json::from_value(journal[0]["token_ids"].clone()).unwrap();
    assert!(
        !ids.is_empty() && journal[0]["logprobs"]["tokens"].as_u64().unwrap() >= ids.len() as u64
    );
}
