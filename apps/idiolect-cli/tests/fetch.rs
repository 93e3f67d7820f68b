//! `fetch` as a user calls it, against a Hub on loopback, and the evaluation that reads what it left.
#![allow(clippy::unwrap_used, reason = "helpers of tests end them")]

use std::path::Path;
use std::process::{Command, Output};

use idiolect_testkit::hub::{HubServer, Repository};
use serde_json::Value;

/// At the commit that the table names.
fn ifeval() -> Repository {
    let row = br#"{"key": 1, "prompt": "Say yes.", "instruction_id_list": [], "kwargs": []}"#;
    Repository {
        commit: "966cd89545d6b6acfd7638bc708b98261ca58e84".into(),
        ..Repository::new(
            "datasets/google/IFEval",
            &[("ifeval_input_data.jsonl", row)],
        )
    }
}

fn fetch(server: &str, folder: &Path, words: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_idiolect"));
    program.arg("fetch").args(words).current_dir(folder);
    program
        .env_remove("HF_TOKEN")
        .env("HF_HUB_OFFLINE", if server.is_empty() { "1" } else { "" });
    program
        .env("HF_ENDPOINT", server)
        .env("HF_HOME", folder.join("home"));
    program.output().unwrap()
}

#[test]
fn files_come_with_what_they_are_and_addresses_are_told() {
    let (server, folder) = (
        HubServer::start(vec![ifeval()]).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let output = fetch(
        &server.url,
        folder.path(),
        &["ifeval", "multiarith", "--into", "data"],
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["file"], "ifeval/input_data.jsonl");
    assert_eq!(line["revision"], ifeval().commit);
    let told = "google/IFEval at 966cd89545d6b6acfd7638bc708b98261ca58e84, licence Apache-2.0: ifeval_input_data.jsonl, ";
    assert!(said.contains(told), "{said}");
    let address =
        "sdft/multiarith_test.json: it is at https://raw.githubusercontent.com/sail-sg/sdft/";
    assert!(said.contains(address), "{said}");
    let task = idiolect::eval::Task::by_name("ifeval").unwrap();
    assert_eq!(task.read(&folder.path().join("data"), 0).unwrap().len(), 1);
}

#[test]
fn without_a_name_all_are_listed_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = fetch("", folder.path(), &[]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with(
            "gsm8k, open_llm_leaderboard: gsm8k/test.jsonl, licence MIT, openai/gsm8k@"
        ),
        "{said}"
    );
    assert_eq!(said.lines().count(), idiolect::eval::DATA_FILES.len());
    let output = fetch("", folder.path(), &["gsm9k"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("error: nothing is known of \"gsm9k\": "),
        "{said}"
    );
    let output = fetch("", folder.path(), &["gsm8k"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("HF_HUB_OFFLINE is set"), "{said}");
}
