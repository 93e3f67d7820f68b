//! New words and modules that train whole, from the command line to a merged model.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use std::path::Path;

use common::{Place, done, refused};
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

#[test]
fn two_new_words_are_trained_generated_scored_and_merged() {
    let Some(place) = Place::new() else { return };
    let data = data(&place);
    for (name, tied) in [("tiny-llama3", false), ("tiny-llama-tied", true)] {
        let (model, out) = (place.model(name), place.path(name));
        let words = ["--add-tokens", "<say>,<said>", "--out", &out];
        done(&train(&model, &data, &words));
        let losses = place.lines(&format!("{name}/metrics.jsonl"));
        assert!(losses[29]["loss"].as_f64() < Some(0.5), "{}", losses[29]);
        // Killed after a checkpoint, it ends with the same bytes.
        let again = place.path("again");
        let stopped = ["--add-tokens", "<say>,<said>", "--out", &again];
        done(&train(&model, &data, &stopped));
        std::fs::remove_dir_all(format!("{again}/adapter")).unwrap();
        for step in [21, 28, 30] {
            let _ = std::fs::remove_dir_all(format!("{again}/checkpoints/step-{step}"));
        }
        assert!(Path::new(&format!("{again}/checkpoints/step-14")).is_dir());
        done(&train(
            &model,
            &data,
            &[&stopped[..], &["--resume"]].concat(),
        ));
        let file = |run: &str| std::fs::read(format!("{run}/adapter/adapter_model.safetensors"));
        assert!(file(&out).unwrap() == file(&again).unwrap(), "{name}");
        std::fs::remove_dir_all(&again).unwrap();
        // The words come with the adapter, and with the merged model.
        let (adapter, merged) = (format!("{out}/adapter"), place.path("merged"));
        let with = answer(&place, &model, &["--adapter", &adapter]);
        assert!(with.contains("<say>red<said>"), "{with}");
        assert!(!answer(&place, &model, &[]).contains("<said>"));
        let merge = [
            "merge",
            "--model",
            &model,
            "--adapter",
            &adapter,
            "--out",
            &merged,
        ];
        let summary: Value = serde_json::from_str(&done(&merge)).unwrap();
        assert!(
            summary["max_logit_difference"].as_f64() < Some(1e-3),
            "{summary}"
        );
        assert_eq!(vocabulary(&merged), (386, tied));
        assert_eq!(answer(&place, &merged, &[]), with);
        // Training goes on from it, with its words.
        let more = place.path("more");
        let on = [
            "--init-adapter",
            &adapter,
            "--max-steps",
            "2",
            "--out",
            &more,
        ];
        done(&train(&model, &data, &on));
        let first = place.lines("more/metrics.jsonl")[0]["loss"].as_f64();
        assert!(first < Some(0.5), "{first:?}");
        let wrong = [&on[..], &["--add-tokens", "<more>"]].concat();
        refused(
            &train(&model, &data, &wrong),
            &["--add-tokens", "--init-adapter"],
        );
        let kl = [&on[..], &["--loss", "reverse-kl"]].concat();
        refused(&train(&model, &data, &kl), &["--loss", "modules_to_save"]);
        std::fs::remove_dir_all(&more).unwrap();
        let half = format!("{adapter}=0.5");
        let prompts = place.path("prompts.jsonl");
        let stack = [
            "generate",
            "--model",
            &model,
            "--prompts",
            &prompts,
            "--adapter",
            &half,
        ];
        refused(&stack, &["--adapter", "modules_to_save"]);
        std::fs::remove_dir_all(&merged).unwrap();
    }
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
    done(&[
        "merge",
        "--model",
        &model,
        "--adapter",
        &adapter,
        "--out",
        &merged,
    ]);
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
        &["modules_to_save", "q_proj"],
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
