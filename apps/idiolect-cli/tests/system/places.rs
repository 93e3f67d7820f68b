//! No home, and no place for temporary files.

use serde_json::json;

use crate::common::{Place, words};
use crate::{behind, ended, training};

#[test]
fn a_training_needs_no_home_and_no_place_for_temporary_files() {
    let Some(place) = Place::new() else { return };
    let call = training(&place, &place.path("run"));
    let mut command = behind("exec \"$@\"", &words(&call));
    command.env_remove("HOME").env_remove("XDG_CACHE_HOME");
    let out = command
        .env("TMPDIR", "/proc/no-such-place")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{said}");
}

/// Nobody listens at the address in the place of the Hub's.
#[test]
fn a_model_of_the_hub_without_a_home_is_refused_in_one_line() {
    let mut command = behind("exec \"$@\"", &["inspect", "--model", "nobody/nothing"]);
    command
        .env_remove("HOME")
        .env_remove("XDG_CACHE_HOME")
        .env_remove("HF_HOME");
    let command = command.env("HF_ENDPOINT", "http://127.0.0.1:9");
    let (said, status) = ended(&command.output().unwrap());
    assert!(said.contains("nobody/nothing"), "{said}");
    assert_eq!(status, Some(2), "{said}");
}

#[test]
fn programs_without_a_place_for_their_files_are_not_run() {
    let Some(place) = Place::new() else { return };
    std::fs::create_dir_all(place.path("data/humaneval")).unwrap();
    let problem = json!({
        "task_id": "HumanEval/0", "prompt": "def f():\n", "test": "def check(f): pass", "entry_point": "f",
    });
    place.rows("data/humaneval/HumanEval.jsonl", &[problem]);
    let [data, out, model] = [
        place.path("data"),
        place.path("code"),
        place.model("tiny-llama3"),
    ];
    let call = format!(
        "eval --task humaneval --model {model} --data {data} --out {out} --max-new-tokens 1"
    );
    let call: Vec<&str> = call.split_whitespace().collect();
    let mut command = behind("exec \"$@\"", &call);
    let out = command
        .env("TMPDIR", "/proc/no-such-place")
        .output()
        .unwrap();
    let (said, status) = ended(&out);
    assert!(said.contains("the sandbox cannot be used: "), "{said}");
    assert_eq!(status, Some(1), "{said}");
}
