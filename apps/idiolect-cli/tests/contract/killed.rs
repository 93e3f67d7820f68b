//! Commands that are killed at any moment, called again, and end with the files of one that nobody disturbed.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::kill::{assert_same, kill_at, points};
use crate::common::{Place, done, evaluation, whole_job, with};

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

fn call(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[test]
fn a_killed_merge_ends_with_the_same_model() {
    let Some(place) = Place::new() else { return };
    let (model, adapter) = (
        place.model("tiny-llama3"),
        place.adapter("tiny-llama3/qv/adapter_final"),
    );
    let call = call(&[
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
