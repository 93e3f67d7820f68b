//! Programs that a model writes: run in the sandbox, once or several times, and scored.

use std::collections::HashSet;
use std::process::Output;

use serde_json::{Value, json};

use crate::common::{Place, idiolect};

/// A problem of `HumanEval` whose function is `f`.
fn problem(id: &str, prompt: &str, test: &str) -> Value {
    json!({"task_id": id, "prompt": prompt, "test": test, "entry_point": "f"})
}

/// `eval` on these problems, with more flags; what it writes lies in `code`.
fn eval(place: &Place, problems: &[Value], more: &[&str]) -> Output {
    std::fs::create_dir_all(place.path("data/humaneval")).unwrap();
    place.rows("data/humaneval/HumanEval.jsonl", problems);
    let [data, out] = ["data", "code"].map(|name| place.path(name));
    let model = place.model("tiny-llama3");
    let call = ["eval", "--task", "humaneval", "--model", &model];
    idiolect(&[&call[..], &["--data", &data, "--out", &out], more].concat())
}

#[test]
fn programs_are_run_apart_and_scored() {
    let Some(place) = Place::new() else { return };
    // The second one's test holds whatever the model writes into the string.
    let problems = [
        problem(
            "HumanEval/0",
            "def f():\n    return (",
            "def check(f): assert f() == 7",
        ),
        problem("HumanEval/1", "def f(): pass\n# ", "def check(f): pass"),
    ];
    let done = eval(&place, &problems, &["--max-new-tokens", "1"]);
    if done.status.code() == Some(1) {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(
            said.contains("the sandbox cannot be used") && said.lines().count() == 1,
            "{said}"
        );
        idiolect_testkit::skipped(&said);
        return;
    }
    let rows = place.lines("code/rows.jsonl");
    assert_eq!(
        (&rows[0]["id"], &rows[0]["passed"]),
        (&json!("HumanEval/0"), &json!(0.0))
    );
    assert_eq!(rows[1]["passed"], json!(1.0), "{}", rows[1]);
}

#[test]
fn several_answers_to_a_program_give_pass_at_k() {
    let Some(place) = Place::new() else { return };
    // Nothing completes the first; whatever stands behind the second is text between quotes.
    let problems = [
        problem(
            "HumanEval/0",
            "def f():\n    return (\ndef",
            "def check(f): pass",
        ),
        problem(
            "HumanEval/1",
            "def f(): pass\nx = r\"\"\"",
            "\"\"\"\ndef check(f): pass",
        ),
    ];
    let more = ["--max-new-tokens", "3", "--samples", "5"];
    let out = eval(&place, &problems, &more);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    if out.status.code() == Some(1) && said.contains("the sandbox cannot be used") {
        idiolect_testkit::skipped(&said);
        return;
    }
    assert!(out.status.success(), "{said}");
    assert!(
        said.lines()
            .filter(|line| line.contains("limits held: time, memory"))
            .count()
            == 1,
        "{said}"
    );
    assert!(said.contains("sandbox: programs run as user "), "{said}");
    assert!(!said.contains("as user 0;"), "{said}");
    let summary: Value = serde_json::from_str(&place.read("code/summary.json")).unwrap();
    assert_eq!(
        (&summary["items"], &summary["samples"]),
        (&json!(2), &json!(5))
    );
    assert_eq!(summary["limits_held"]["memory"], json!(true));
    let mean = |name: &str| summary["scores"][name]["mean"].as_f64();
    assert_eq!(
        (mean("pass@1"), mean("pass@5"), mean("pass@10")),
        (Some(0.5), Some(0.5), None)
    );
    let rows = place.lines("code/rows.jsonl");
    assert_eq!((rows.len(), &rows[5]["id"]), (10, &json!("HumanEval/1#0")));
    let texts: HashSet<&str> = rows
        .iter()
        .map(|row| row["text"].as_str().unwrap())
        .collect();
    assert!(1 < texts.len(), "drawn");
}
