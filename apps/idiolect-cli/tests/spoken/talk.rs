//! Prompts that come from standard input, and a conversation.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::common::{Place, done, training, with};

#[test]
fn a_prompt_comes_from_standard_input() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let call = [
        "generate",
        "--model",
        &model,
        "--max-new-tokens",
        "4",
        "--prompt",
    ];
    let typed = done(&[&call[..], &["Say red."]].concat());
    let mut piped = Command::new(env!("CARGO_BIN_EXE_idiolect"))
        .args(call)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    piped
        .stdin
        .take()
        .unwrap()
        .write_all(b"Say red.\n")
        .unwrap();
    let out = piped.wait_with_output().unwrap();
    assert!(out.status.success());
    assert_eq!(String::from_utf8(out.stdout).unwrap(), typed);
}

#[test]
fn a_conversation_has_its_history_and_both_sides() {
    let Some(place) = Place::new() else { return };
    let (model, run) = (place.model("tiny-llama3"), place.path("run"));
    done(&with(
        &training(&place, &["--threads", "1"]),
        &["--out", &run],
    ));
    let adapter = format!("{run}/adapter");
    let chat = |more: &[&str], typed: &str| {
        let mut talk = Command::new(env!("CARGO_BIN_EXE_idiolect"))
            .args(["chat", "--model", &model, "--max-new-tokens", "6"])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        talk.stdin
            .take()
            .unwrap()
            .write_all(typed.as_bytes())
            .unwrap();
        let out = talk.wait_with_output().unwrap();
        assert!(out.status.success());
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        [text(out.stdout), text(out.stderr)]
    };
    // The first answer is that of `generate`; what was taken back is as if it had not been said.
    let call = [
        "generate",
        "--model",
        &model,
        "--max-new-tokens",
        "6",
        "--prompt",
        "Say red.",
    ];
    let [once, _] = chat(&[], "Say red.\n");
    assert_eq!(once, done(&call));
    let [twice, _] = chat(&[], "Say red.\nSay red.\n");
    let [undone, _] = chat(&[], "Say red.\n/undo\nSay red.\n/exit\nSay red.\n");
    assert_eq!(undone, [once.as_str(), &once].concat());
    assert!(twice.starts_with(&once) && twice != undone);
    let [both, _] = chat(&["--adapter", &adapter, "--beside"], "Say red.\n");
    // The directory of the run stands for the adapter in it.
    let [of_run, _] = chat(&["--adapter", &run, "--beside"], "Say red.\n");
    assert_eq!(of_run, both);
    assert!(
        both.starts_with(&format!("[base] {once}[adapted] ")),
        "{both}"
    );
    let [_, told] = chat(&[], "/undo\n/what\n");
    assert!(
        told.contains("no turn to take back") && told.contains("/what is none of these"),
        "{told}"
    );
}
