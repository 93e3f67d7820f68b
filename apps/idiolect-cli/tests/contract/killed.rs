//! Commands that are killed at any moment, called again, and end with the files of one that nobody disturbed.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::kill::{assert_same, kill_at, points};
use crate::common::{Place, done, evaluation, owned, whole_job, with};

/// Files below a folder, by their names from it.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            found.extend(
                files(&path)
                    .into_iter()
                    .map(|below| format!("{name}/{below}")),
            );
        } else {
            found.insert(name);
        }
    }
    found
}

/// Kills a call at seeded moments, calls it again, and compares `same` files, and which files there are.
fn ends_as_undisturbed(place: &Place, call: &[String], same: &[&str]) {
    let whole = place.path("whole");
    let began = Instant::now();
    done(&with(call, &["--out", &whole]));
    let length = began.elapsed();
    let mut random = ChaCha8Rng::seed_from_u64(9);
    for point in 0..points() {
        let out = place.path(&format!("run-{point}"));
        let args = with(call, &["--out", &out]);
        if kill_at(&args, length.mul_f64(random.random_range(0.0..1.0))) {
            done(&args);
        }
        let [found, expected] = [&out, &whole].map(|folder| files(Path::new(folder)));
        assert_eq!(found, expected, "{call:?} {point}");
        assert_same(&out, &whole, same, &format!("{call:?} {point}"));
        std::fs::remove_dir_all(&out).expect("removed");
    }
}

#[test]
fn a_killed_merge_ends_with_the_same_model() {
    let Some(place) = Place::new() else { return };
    let (model, adapter) = (
        place.model("tiny-llama3"),
        place.adapter("tiny-llama3/qv/adapter_final"),
    );
    let call = owned(&[
        "merge",
        "--model",
        &model,
        "--adapter",
        &adapter,
        "--overwrite",
    ]);
    ends_as_undisturbed(
        &place,
        &call,
        &["model.safetensors", "config.json", "tokenizer.json"],
    );
}

#[test]
fn a_killed_evaluation_ends_with_the_same_scores() {
    let Some(place) = Place::new() else { return };
    let call = evaluation(&place);
    ends_as_undisturbed(&place, &call, &["rows.jsonl", "journal/answers.jsonl"]);
}

#[test]
fn a_killed_whole_job_ends_with_the_same_adapters_and_scores() {
    let Some(place) = Place::new() else { return };
    let mut call = whole_job(&place, "");
    call.truncate(call.len() - 2);
    let same = [
        "plain/adapter/adapter_model.safetensors",
        "distilled/adapter/adapter_model.safetensors",
        "distill/distilled.json",
        "journal/plain.jsonl",
        "outcome.json",
    ];
    ends_as_undisturbed(&place, &call, &same);
}

/// A page says the same of the same run, its header too, which is of the run's files.
#[test]
fn a_killed_report_leaves_a_whole_page_or_none_and_ends_with_the_same() {
    let Some(place) = Place::new() else { return };
    let (model, data, run) = (
        place.model("tiny-llama3"),
        place.alpaca(),
        place.path("run"),
    );
    let train = ["train", "--model", &model, "--data", &data];
    done(&[&train[..], &["--epochs", "1", "--out", &run]].concat());
    let report = ["report", "--run", &run];
    let began = Instant::now();
    done(&report);
    let length = began.elapsed();
    let page = Path::new(&run).join("report/index.html");
    let (whole, expected) = (std::fs::read(&page).unwrap(), files(Path::new(&run)));
    let mut random = ChaCha8Rng::seed_from_u64(11);
    for point in 0..points() {
        std::fs::remove_file(&page).unwrap();
        if kill_at(&report, length.mul_f64(random.random_range(0.0..1.0))) {
            let left = std::fs::read(&page).unwrap_or_else(|_| whole.clone());
            assert!(left == whole, "{point}: half a page");
            done(&report);
        }
        assert!(std::fs::read(&page).unwrap() == whole, "{point}");
        assert_eq!(files(Path::new(&run)), expected, "{point}");
    }
}
