//! A model on a server that teaches one here, token by token: what the library does with `logprobs` of a server.

use std::sync::Arc;

use idiolect::completion::LogprobHead;
use idiolect::distill::{DistillConfig, DistillSettings, Shard, distill_into};
use idiolect::finetune::Loss;
use idiolect::teacher::{AskedLogprobs, DecodeTokens, Teacher, TeacherConfig};
use idiolect::{Dataset, FineTune, FineTuneSettings, LanguageModel, TrainConfig, TrainingEvent};
use serde_json::json;

use crate::common::Place;
use crate::loopback::{Act, Server};

/// The ids of a model's own tokenizer.
fn decoder(model: &LanguageModel) -> Arc<DecodeTokens> {
    let tokenizer = model.tokenizer().clone();
    Arc::new(move |ids: &[u32]| tokenizer.decode(ids, true).ok())
}

/// Rewrites of twelve rows with the three likeliest tokens at each token; the data set.
fn distilled(place: &Place, model: &LanguageModel, url: &str) -> Result<String, String> {
    let set = Dataset::open(place.alpaca()).unwrap();
    let config = TeacherConfig {
        model: Some("m".to_owned()),
        max_new_tokens: 12,
        logprobs: Some(AskedLogprobs {
            count: 3,
            decode: decoder(model),
        }),
        ..TeacherConfig::new(url)
    };
    let mut teacher = Teacher::new(config).unwrap();
    let settings = DistillSettings {
        verdicts: vec!["none".to_owned()],
        ..DistillSettings::default()
    };
    let config = DistillConfig {
        turns: true,
        logprobs: Some(LogprobHead {
            count: 3,
            vocabulary: model.vocabulary_hash(),
        }),
        ..settings.config(model.template(), 42).unwrap()
    };
    let folder = place.folder.path().join("taught");
    let found = distill_into(&set, &config, Shard::WHOLE, &mut teacher, &folder);
    let found = found.map_err(|error| error.to_string())?;
    assert_eq!(found.summary.logprobs.unwrap().rewrites, 12);
    Ok(place.path("taught/distilled.json"))
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
    let data = distilled(&place, &model, &server.url).unwrap();
    let (told, losses) = trained(&model, &data);
    assert!(told.starts_with("stored distributions: "), "{told}");
    assert!(losses.last() < losses.first(), "{losses:?}");
    // The same ids mean another text in another vocabulary.
    let other = Place::new().unwrap();
    let server = vllm(ids, "another text", end);
    let error = distilled(&other, &model, &server.url).unwrap_err();
    assert!(error.contains("ids of another vocabulary"), "{error}");
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
    let model = LanguageModel::open(&path.display().to_string()).unwrap();
    let data = distilled(&place, &model, &url).unwrap();
    let (told, losses) = trained(&model, &data);
    assert!(told.starts_with("stored distributions: "), "{told}");
    assert!(losses.last() < losses.first(), "{losses:?}");
    // A text that ended by itself has its end too.
    let journal = place.lines("taught/journal/rewrites.jsonl");
    let ids: Vec<u32> = serde_json::from_value(journal[0]["token_ids"].clone()).unwrap();
    assert!(
        !ids.is_empty() && journal[0]["logprobs"]["tokens"].as_u64().unwrap() >= ids.len() as u64
    );
}
