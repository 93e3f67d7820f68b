//! Forgetting as the program measures it: in `train`, `eval` and the whole job, with a limit, and resumed.

#![allow(clippy::expect_used, reason = "helpers of tests end them")]

mod common;

use common::{Place, done, idiolect, on_data, refused, training, whole_job, with, words};
use serde_json::{Value, json};

/// What a call is told to measure of a plain text.
fn measured(text: &str) -> [&str; 6] {
    [
        "--forgetting",
        "24",
        "--forgetting-tokens",
        "16",
        "--forgetting-text",
        text,
    ]
}

fn measured_training(place: &Place, out: &str) -> Vec<String> {
    let text = place.rows("plain.jsonl", &[json!({"text": "The sea is wide."})]);
    let more = ["--epochs", "4", "--learning-rate", "3e-2", "--out", out];
    training(place, &[&more[..], &measured(&text)].concat())
}

fn json_of(place: &Place, name: &str) -> Value {
    serde_json::from_str(&place.read(name)).expect("JSON")
}

#[test]
fn a_training_says_what_it_made_the_model_forget() {
    let Some(place) = Place::new() else { return };
    let run = place.path("run");
    done(&words(&measured_training(&place, &run)));
    let found = json_of(&place, "run/forgetting.json");
    assert_eq!(
        (&found["prompts"], &found["rows"][5]["before"].is_f64()),
        (&json!(24), &true)
    );
    let rise = found["rise"]["mean"].as_f64().expect("a number");
    assert!(rise > 0.0, "{found:#}");
    assert!(place.read("run/run.toml").contains("forgetting = 24"));
    done(&["report", "--run", &run]);
    let page = place.read("run/report/index.html");
    assert!(page.contains("own answers to 24 prompts"), "{page}");

    // The same by eval, of the adapter that the run has left.
    let data = place.path("data");
    std::fs::create_dir_all(place.path("data/sdft")).expect("a folder");
    place.rows(
        "data/sdft/multiarith_test.json",
        &[json!({"instruction": "1?", "output": "It is 1"})],
    );
    let (adapter, model, text) = (
        format!("{run}/adapter"),
        place.model("tiny-llama3"),
        place.path("plain.jsonl"),
    );
    let out = place.path("eval");
    let more = [
        "--task",
        "multiarith",
        "--max-new-tokens",
        "4",
        "--out",
        &out,
    ];
    let more = [&more[..], &measured(&text)].concat();
    let eval = on_data("eval", [&model, &data], &more);
    let said = done(&[&eval[..], &["--adapter", &adapter]].concat());
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["forgetting"]["rise"], found["rise"]);
    refused(
        &eval,
        &["--forgetting: expected an adapter beside it, found none"],
    );
}

#[test]
fn more_than_the_limit_ends_with_status_1_and_keeps_the_adapter() {
    let Some(place) = Place::new() else { return };
    let call = measured_training(&place, &place.path("run"));
    let out = idiolect(&with(&call, &["--forgetting-limit", "0"]));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(
        said.contains("--forgetting-limit: expected a rise of at most 0 nats"),
        "{said}"
    );
    assert!(
        place
            .read("run/adapter/adapter_config.json")
            .contains("LORA")
    );
    let other = place.path("other");
    done(&with(
        &measured_training(&place, &other),
        &["--forgetting-limit", "100"],
    ));
    refused(
        &on_data(
            "train",
            ["m", "d"],
            &["--out", "o", "--forgetting-limit", "1"],
        ),
        &["--forgetting-limit: expected nothing where forgetting is 0"],
    );
}

#[test]
fn the_whole_job_compares_both_adapters_and_resumes_to_the_same() {
    let Some(place) = Place::new() else { return };
    let run = place.path("run");
    let call = whole_job(&place, &run);
    let table = done(&words(&call));
    for part in [
        "learning: held-out",
        "forgetting: own answers",
        "nats a token (p",
    ] {
        assert!(table.contains(part), "{part} is not in:\n{table}");
    }
    let outcome = place.read("run/outcome.json");
    let numbers: Value = serde_json::from_str(&outcome).expect("JSON");
    assert_eq!(
        numbers["models"][2]["values"]["forgetting"]
            .as_array()
            .map(Vec::len),
        Some(4)
    );
    assert!(numbers["gains"]["forgetting"]["p_value"].is_f64());
    std::fs::remove_file(place.path("run/plain/forgetting.json")).expect("removed");
    assert_eq!(done(&words(&call)), table);
    assert_eq!(place.read("run/outcome.json"), outcome);
    assert!(
        place
            .read("run/report/index.html")
            .contains("forgetting: rise of the base model")
    );
}
