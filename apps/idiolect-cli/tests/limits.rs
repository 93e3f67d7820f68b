//! Limits on what comes from outside, as the program meets them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use std::fs;
use std::process::Command;

use common::{Place, done, idiolect, refused};
use serde_json::json;

#[test]
fn a_limit_of_the_environment_holds_and_a_wrong_one_is_named() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let rows = json!({"instruction": "more than ten bytes", "output": "a"});
    let data = place.rows("rows.jsonl", &[rows]);
    let with_limit = |value: &str| {
        let mut call = Command::new(env!("CARGO_BIN_EXE_idiolect"));
        call.args(["inspect", "--model", &model, "--data", &data]);
        let called = call.env("IDIOLECT_LIMIT_ROW_BYTES", value).output();
        let called = called.expect("the binary");
        let said = String::from_utf8(called.stderr).expect("UTF-8");
        assert_eq!(called.status.code(), Some(2), "{said}");
        said
    };
    let said = with_limit("10");
    let expected = "rows.jsonl: line 1, column 1: expected at most 10 bytes of a row, found more";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("IDIOLECT_LIMIT_ROW_BYTES"), "{said}");
    let said = with_limit("many");
    assert!(
        said.contains("IDIOLECT_LIMIT_ROW_BYTES: expected a whole number from 1, found many"),
        "{said}"
    );
}

#[test]
fn text_of_files_is_escaped_and_cut_in_errors() {
    let Some(place) = Place::new() else { return };
    let name = format!("\u{1b}[31m{}", "x".repeat(100_000));
    let data = place.rows("rows.jsonl", &[json!({ name: "a" })]);
    let model = place.model("tiny-llama3");
    let called = idiolect(&["inspect", "--model", &model, "--data", &data]);
    let said = String::from_utf8(called.stderr).expect("UTF-8");
    assert_eq!(called.status.code(), Some(2), "{said}");
    assert!(said.contains("rows.jsonl"), "{said}");
    assert!(said.len() < 8000 && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn inspect_runs_no_template_unless_it_shows_data() {
    let Some(place) = Place::new() else { return };
    let (from, model) = (place.model("tiny-llama3"), place.path("m"));
    fs::create_dir(&model).expect("made");
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(format!("{from}/{name}"), format!("{model}/{name}")).expect("copied");
    }
    let template = "{{ raise_exception('it ran') }}";
    fs::write(format!("{model}/chat_template.jinja"), template).expect("written");
    assert!(done(&["inspect", "--model", &model]).contains("LlamaForCausalLM"));
    let row = json!({"instruction": "q", "output": "a"});
    let data = place.rows("rows.jsonl", &[row]);
    refused(
        &["inspect", "--model", &model, "--data", &data],
        &["it ran"],
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_by_name() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    for name in ["rows.jsonl", "run.toml", "t.jinja", "t.toml"] {
        let pipe = place.path(name);
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo").success());
        let call = match name {
            "run.toml" => vec!["train", "--config", &pipe],
            "rows.jsonl" => vec!["inspect", "--model", &model, "--data", &pipe],
            _ => vec![
                "generate",
                "--model",
                &model,
                "--prompt",
                "x",
                "--template",
                &pipe,
            ],
        };
        refused(&call, &[name, "expected a regular file, found a pipe"]);
    }
}
