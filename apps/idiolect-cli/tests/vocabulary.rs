//! New words and modules that train whole, from the command line to a merged model.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use std::path::Path;

use common::{Place, done, merge, refused};
use serde_json::{Value, json};

/// Answers that begin and end with words of their own.
fn data(place: &Place) -> String {
    let row = |word: &&str| json!({"instruction": format!("Say {word}."), "output": format!("<say>{word}<said>")});
    let rows: Vec<Value> = ["red", "blue", "cat", "dog"].iter().map(row).collect();
    place.rows("rows.jsonl", &rows)
}

fn train<'a>(model: &'a str, data: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let flags = [
        "train",
        "--model",
        model,
        "--data",
        data,
        "--epochs",
        "30",
        "--batch-size",
        "4",
        "--accumulation",
        "1",
        "--learning-rate",
        "1e-2",
        "--threads",
        "1",
        "--checkpoint-every",
        "7",
        "--keep-checkpoints",
        "9",
    ];
    flags.iter().chain(more).copied().collect()
}

fn answer(place: &Place, model: &str, more: &[&str]) -> String {
    let prompts = place.rows("prompts.jsonl", &[json!({"prompt": "Say red."})]);
    let out = place.path("answers.jsonl");
    let flags = [
        "generate",
        "--model",
        model,
        "--prompts",
        &prompts,
        "--out",
        &out,
        "--max-new-tokens",
        "12",
    ];
    let all: Vec<&str> = flags.iter().chain(more).copied().collect();
    done(&all);
    let text = &place.lines("answers.jsonl")[0]["text"];
    text.as_str().unwrap().to_owned()
}

fn vocabulary(folder: &str) -> (u64, bool) {
    let text = std::fs::read_to_string(format!("{folder}/config.json")).unwrap();
    let config: Value = serde_json::from_str(&text).unwrap();
    let tied = config["tie_word_embeddings"].as_bool().unwrap();
    (config["vocab_size"].as_u64().unwrap(), tied)
}

/// Trains on two new words into a run directory; its adapter.
fn trained(place: &Place, model: &str, data: &str, run: &str) -> String {
    let out = place.path(run);
    let words = ["--add-tokens", "<say>,<said>", "--out", &out];
    done(&train(model, data, &words));
    format!("{out}/adapter")
}

fn loss(place: &Place, run: &str, step: usize) -> f64 {
    let rows = place.lines(&format!("{run}/metrics.jsonl"));
    rows[step]["loss"].as_f64().unwrap()
}

#[test]
fn two_new_words_are_trained_generated_scored_and_merged() {
    let Some(place) = Place::new() else { return };
    let data = data(&place);
    for (name, tied) in [("tiny-llama3", false), ("tiny-llama-tied", true)] {
        let (model, merged) = (place.model(name), place.path(&format!("{name}-merged")));
        let adapter = trained(&place, &model, &data, name);
        let last = loss(&place, name, 29);
        assert!(last < 0.5, "{name}: {last}");
        let with = ["--model", &model, "--adapter", &adapter];
        let text = answer(&place, &model, &with[2..]);
        assert!(text.contains("<say>red<said>"), "{text}");
        assert!(!answer(&place, &model, &[]).contains("<said>"));
        let out = place.path("scores.jsonl");
        let row = [json!({"prompt": "Say red.", "response": "<say>red<said>"})];
        let row = place.rows("row.jsonl", &row);
        let score = ["score", "--data", &row, "--out", &out];
        done(&[&score[..], &with].concat());
        let nll = place.lines("scores.jsonl")[0]["nll"].as_f64().unwrap();
        assert!(nll < 3.0, "{name}: {nll}");
        let summary = merge(&model, &adapter, &merged);
        let off = summary["max_logit_difference"].as_f64().unwrap();
        assert!(off < 1e-3, "{name}: {off}");
        assert_eq!(vocabulary(&merged), (386, tied));
        assert_eq!(answer(&place, &merged, &[]), text);
    }
}

#[test]
fn a_run_with_new_words_resumes_to_the_same_bytes() {
    let Some(place) = Place::new() else { return };
    let (data, model) = (data(&place), place.model("tiny-llama-tied"));
    let adapter = trained(&place, &model, &data, "run");
    let file = format!("{adapter}/adapter_model.safetensors");
    let whole = std::fs::read(&file).unwrap();
    std::fs::remove_dir_all(&adapter).unwrap();
    let out = place.path("run");
    for step in [21, 28, 30] {
        // The last one is there only where a run keeps its end.
        let _ = std::fs::remove_dir_all(format!("{out}/checkpoints/step-{step}"));
    }
    assert!(Path::new(&format!("{out}/checkpoints/step-14")).is_dir());
    let words = ["--add-tokens", "<say>,<said>", "--out", &out, "--resume"];
    done(&train(&model, &data, &words));
    assert!(std::fs::read(&file).unwrap() == whole);
}

#[test]
fn training_goes_on_from_an_adapter_with_its_words() {
    let Some(place) = Place::new() else { return };
    let (data, model) = (data(&place), place.model("tiny-llama3"));
    let adapter = trained(&place, &model, &data, "run");
    let more = place.path("more");
    let on = ["--init-adapter", &adapter, "--max-steps", "2"];
    let on = [&on[..], &["--out", &more]].concat();
    done(&train(&model, &data, &on));
    let first = loss(&place, "more", 0);
    assert!(first < 0.5, "{first}");
    let words = [&on[..], &["--add-tokens", "<more>"]].concat();
    refused(
        &train(&model, &data, &words),
        &["--add-tokens", "--init-adapter"],
    );
    let kl = [&on[..], &["--loss", "reverse-kl"]].concat();
    refused(&train(&model, &data, &kl), &["--loss", "--modules-to-save"]);
    let half = format!("{adapter}=0.5");
    let stack = ["generate", "--prompt", "Say red.", "--adapter", &half];
    let stack = [&stack[..], &["--model", &model]].concat();
    refused(&stack, &["--adapter", "--modules-to-save"]);
}

#[test]
fn a_parted_head_merges_into_a_model_of_its_own() {
    let Some(place) = Place::new() else { return };
    let (data, model) = (data(&place), place.model("tiny-llama-tied"));
    let (out, merged) = (place.path("parted"), place.path("merged"));
    let options = [
        "--modules-to-save",
        "lm_head,model.norm",
        "--ensure-weight-tying",
        "false",
        "--out",
        &out,
    ];
    done(&train(&model, &data, &options));
    let adapter = format!("{out}/adapter");
    merge(&model, &adapter, &merged);
    assert_eq!(vocabulary(&merged), (384, false));
    let about = done(&[
        "inspect",
        "--model",
        &model,
        "--adapter",
        &adapter,
        "--json",
    ]);
    assert!(
        about.contains("\"modules_to_save\":[\"lm_head\",\"model.norm\"]"),
        "{about}"
    );
    assert_eq!(
        answer(&place, &merged, &[]),
        answer(&place, &model, &["--adapter", &adapter])
    );
    let wrong = ["--modules-to-save", "q_proj", "--out", &out];
    refused(
        &train(&model, &data, &wrong),
        &["--modules-to-save", "q_proj"],
    );
    let known = ["--add-tokens", "<a>,</s>", "--out", &out];
    refused(&train(&model, &data, &known), &["</s>", "does not have"]);
}

#[test]
fn every_weight_trains_with_new_words() {
    let Some(place) = Place::new() else { return };
    let (data, model, out) = (data(&place), place.model("tiny-llama3"), place.path("full"));
    let options = ["--full", "--add-tokens", "<say>,<said>", "--out", &out];
    done(&train(&model, &data, &options));
    let trained = format!("{out}/model");
    assert_eq!(vocabulary(&trained), (386, false));
    assert!(answer(&place, &trained, &[]).contains("<say>red<said>"));
}
