//! The program on a system that does not give everything: signals, closed pipes, a small limit of files, no home and
//! no place for temporary files.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

#[path = "../common/mod.rs"]
mod common;
mod full_disk;
mod limits;
mod places;
mod signals;
mod terminal;

use std::process::{Child, Command, Output, Stdio};

use common::Place;

/// The flags of a run of 24 steps, with a checkpoint every second step.
fn training(place: &Place, out: &str) -> Vec<String> {
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    let call = format!(
        "train --model {model} --data {data} --epochs 4 --batch-size 2 --accumulation 1 --learning-rate 2e-3 \
         --checkpoint-every 2 --threads 1 --resume --out {out}"
    );
    call.split_whitespace().map(String::from).collect()
}

/// The program behind a shell line, which ends with `"$@"`.
fn behind(shell: &str, call: &[&str]) -> Command {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_idiolect");
    command.args(["-c", shell, "sh", program]).args(call);
    command.env_remove("XDG_RUNTIME_DIR");
    command
}

fn start(call: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_idiolect"));
    let command = command.args(call).stdout(Stdio::piped());
    let child = command.stderr(Stdio::piped()).spawn();
    child.expect("the binary")
}

/// What is said beside the result, which is one line, and the status.
fn ended(out: &Output) -> (String, Option<i32>) {
    let (said, status) = ended_quietly(out);
    assert_eq!(said.lines().count(), 1, "{said}");
    (said, status)
}

/// What is said beside the result, and the status.
fn ended_quietly(out: &Output) -> (String, Option<i32>) {
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    (said, out.status.code())
}
