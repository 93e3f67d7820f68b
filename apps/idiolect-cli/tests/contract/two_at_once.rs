//! The same command twice at the same time on one folder: at least one does the work, the other says who has it, and
//! the folder is that of one that nobody disturbed.

use std::process::{Child, Command, Output, Stdio};

use serde_json::json;

use crate::common::kill::{assert_same, points};
use crate::common::{Place, distillation, done, evaluation, owned, whole_job, with};

fn start(call: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_idiolect"))
        .args(call)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary")
}

/// Whether a process did the work; one that did not says why in one line.
fn did(ended: &Output, call: &[String]) -> bool {
    let said = String::from_utf8_lossy(&ended.stderr);
    let last = said.lines().last().unwrap_or_default();
    let refused =
        last.contains("in use by") || last.contains("or --resume") || last.contains("already");
    assert!(ended.status.success() || refused, "{call:?}: {said}");
    ended.status.success()
}

fn unharmed(place: &Place, call: &[String], same: &[&str]) {
    let whole = place.path("whole");
    done(&with(call, &["--out", &whole]));
    for point in 0..points() {
        let out = place.path(&format!("run-{point}"));
        let args = with(call, &["--out", &out]);
        let both =
            [start(&args), start(&args)].map(|child| child.wait_with_output().expect("an end"));
        let done = both.iter().filter(|ended| did(ended, call)).count();
        assert!(done > 0, "{call:?}: neither ended well");
        assert_same(&out, &whole, same, &format!("{call:?} {point}"));
        std::fs::remove_dir_all(&out).expect("removed");
    }
}

#[test]
fn two_trainings_do_not_share_a_folder() {
    let Some(place) = Place::new() else { return };
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    let call = owned(&[
        "train",
        "--model",
        &model,
        "--data",
        &data,
        "--epochs",
        "3",
        "--threads",
        "1",
    ]);
    unharmed(
        &place,
        &call,
        &["metrics.jsonl", "adapter/adapter_model.safetensors"],
    );
}

#[test]
fn two_distillations_do_not_share_a_journal() {
    let Some(place) = Place::new() else { return };
    let call = distillation(&place);
    unharmed(&place, &call, &["distilled.json", "journal/rewrites.jsonl"]);
}

#[test]
fn two_continuations_do_not_share_a_journal() {
    let Some(place) = Place::new() else { return };
    let texts = (0..6).map(
        |at| json!({"text": format!("One day, {at} of them went out. Then they came home again.")}),
    );
    let corpus = place.rows("texts.jsonl", &texts.collect::<Vec<_>>());
    let teacher = format!("local:{}", place.model("tiny-llama3"));
    let call = owned(&[
        "continue",
        "--documents",
        "6",
        "--corpus",
        &corpus,
        "--teacher",
        &teacher,
        "--max-new-tokens",
        "8",
        "--threads",
        "1",
    ]);
    unharmed(
        &place,
        &call,
        &["rows.jsonl", "journal/continuations.jsonl"],
    );
}

#[test]
fn two_evaluations_do_not_share_a_journal() {
    let Some(place) = Place::new() else { return };
    let call = evaluation(&place);
    unharmed(&place, &call, &["rows.jsonl", "journal/answers.jsonl"]);
}

#[test]
fn two_whole_jobs_do_not_share_a_folder() {
    let Some(place) = Place::new() else { return };
    let mut call = whole_job(&place, "");
    call.truncate(call.len() - 2);
    unharmed(
        &place,
        &call,
        &[
            "distilled/adapter/adapter_model.safetensors",
            "journal/plain.jsonl",
            "outcome.json",
        ],
    );
}
