//! `fetch` and `push` as a user calls them, against a Hub on loopback, and the evaluation that reads what it left.
#![allow(clippy::unwrap_used, reason = "helpers of tests end them")]

use std::path::Path;
use std::process::{Command, Output};

use idiolect_testkit::hub::{Access, GOOD_TOKEN, HubServer, Repository};
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
    called(server, folder, &[&["fetch"], words].concat(), "")
}

fn called(server: &str, folder: &Path, words: &[&str], token: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_idiolect"));
    program.args(words).current_dir(folder);
    program
        .env("HF_TOKEN", token)
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

/// A run directory with an adapter of the Hub's base model.
fn run(folder: &Path) {
    let write = |name: &str, text: &str| {
        let path = folder.join("run").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let config = r#"{"base_model_name_or_path": "owner/base"}"#;
    write("adapter/adapter_config.json", config);
    write("adapter/adapter_model.safetensors", &"w".repeat(1000));
    write("run.toml", "data = [\"rows.jsonl\"]\nrank = 4\n");
    write("plan.json", r#"{"rows": 12}"#);
}

#[test]
fn an_adapter_goes_to_the_hub_with_a_card_that_names_its_bases_licence() {
    let card: &[u8] = b"---\nlicense: apache-2.0\n---\n";
    let base = Repository::new("models/owner/base", &[("README.md", card)]);
    let (server, folder) = (
        HubServer::start(vec![base]).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    run(folder.path());
    let push = |more: &[&str], token| {
        let call = ["push", "run", "--to", "me/first"];
        let output = called(&server.url, folder.path(), &[&call, more].concat(), token);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (status, listed, said) = push(&["--dry-run"], "");
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("wrote the card run/adapter/README.md"),
        "{said}"
    );
    assert!(
        listed.contains("1000 adapter_model.safetensors"),
        "{listed}"
    );
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(server.repository("models/me/first").is_none());
    let text = std::fs::read_to_string(folder.path().join("run/adapter/README.md")).unwrap();
    for part in [
        "license: \"apache-2.0\"",
        "base_model: \"owner/base\"",
        "| data | rows.jsonl |",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let (status, _, said) = push(&[], "");
    assert_eq!(status, Some(2));
    assert!(
        said.contains("HF_TOKEN: expected a token that may write"),
        "{said}"
    );
    let (status, done, said) = push(&["--private"], GOOD_TOKEN);
    assert_eq!(status, Some(0), "{said}");
    let found = server.repository("models/me/first").unwrap();
    assert_eq!(
        done,
        format!("{}/me/first at commit {}\n", server.url, found.commit)
    );
    assert_eq!((found.access, found.files.len()), (Access::Private, 3));
    assert_eq!(found.files["README.md"], text.as_bytes());
    let (status, _, said) = push(&["--to", "first"], GOOD_TOKEN);
    assert_eq!(status, Some(2), "{said}");
}
