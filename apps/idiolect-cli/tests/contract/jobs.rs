//! `distill` and the whole job: they resume from what they have.

use serde_json::{Value, json};

use idiolect_testkit::without_checksums;

use crate::common::{Place, distillation, done, idiolect, refused, whole_job, with, words};

#[test]
fn distill_goes_on_from_its_journal_and_refuses_another_run() {
    let Some(place) = Place::new() else { return };
    let call = distillation(&place);
    let run = |out: &str| done(&with(&call, &["--mix-ratio", "0.75", "--out", out]));
    let summary: Value = serde_json::from_str(&run(&place.path("a"))).expect("JSON");
    assert_eq!(
        (&summary["rows"], &summary["rewritten"]),
        (&json!(12), &json!(9))
    );
    // Killed after four rewrites and half of a fifth.
    run(&place.path("b"));
    let journal = place.read("b/journal/rewrites.jsonl");
    let kept: usize = journal.lines().take(4).map(|line| line.len() + 1).sum();
    place.write("b/journal/rewrites.jsonl", &journal[..kept + 20]);
    run(&place.path("b"));
    for file in ["distilled.json", "summary.json", "journal/rewrites.jsonl"] {
        assert_eq!(
            place.read(&format!("a/{file}")),
            place.read(&format!("b/{file}")),
            "{file}"
        );
    }
    let b = place.path("b");
    let other = ["--mix-ratio", "0.75", "--temperature", "0.5", "--out", &b];
    refused(&with(&call, &other), &[&b, "--temperature was 0, is 0.5"]);
}

#[test]
fn the_whole_job_runs_and_runs_again_from_what_it_has() {
    let Some(place) = Place::new() else { return };
    let job = whole_job(&place, &place.path("run"));
    let table = done(&words(&job));
    for part in [
        "base",
        "distilled",
        "BLEU-4",
        "ROUGE-L",
        "parameter shift",
        "nats per token",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let report: Value = serde_json::from_str(&place.read("run/report/report.json")).expect("JSON");
    assert_eq!(
        report["models"][0]["bleu4"], 1.0,
        "the base model's answers are their own reference"
    );
    assert!(report["models"][2]["shift"].as_f64().expect("a shift") > 0.0);
    // Without the last adapter and half of its answers the job ends the same.
    std::fs::remove_dir_all(place.folder.path().join("run/distilled/adapter")).expect("removed");
    let answers = place.read("run/journal/distilled.jsonl");
    place.write("run/journal/distilled.jsonl", &answers[..answers.len() / 2]);
    let again = done(&words(&job));
    assert_eq!(again, table);
    // Answers that another model wrote are not taken for this one's.
    let answers = without_checksums(&place.read("run/journal/seed.jsonl")).unwrap();
    let model = answers.split("\"model\":\"").nth(1).expect("a hash")[..8].to_owned();
    place.write(
        "run/journal/seed.jsonl",
        &answers.replace(&model, "0badc0de"),
    );
    let out = idiolect(&words(&job));
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    let last = errors.lines().last().unwrap_or_default();
    assert_eq!(out.status.code(), Some(2), "{errors}");
    for part in ["seed.jsonl", "model", "0badc0de"] {
        assert!(last.contains(part), "{part}: {errors}");
    }
    // Nor is one that was edited.
    let answers = place.read("run/journal/plain.jsonl");
    place.write(
        "run/journal/plain.jsonl",
        &answers.replacen("\"text\":\"", "\"text\":\"x", 1),
    );
    place.write("run/journal/seed.jsonl", "");
    let errors = String::from_utf8_lossy(&idiolect(&words(&job)).stderr).into_owned();
    let last = errors.lines().last().unwrap_or_default();
    assert!(
        last.contains("plain.jsonl: line 1: crc32c: expected "),
        "{errors}"
    );
    refused(&with(&job, &["--rank", "4"]), &["run.toml", "rank = 4"]);
}
