//! Tasks with a score of their own: the files of their results, word for word.

use std::fs;
use std::path::Path;

use idiolect_eval::EvalError;
use idiolect_testkit::without_checksums;
use serde_json::{Value, json};

use crate::model::{SUMS, ask, data, settings};

/// The files of version 0.1 word for word, but for the ends of intervals.
#[test]
fn the_files_are_as_ever() {
    let data = data(&[("sdft/multiarith_test.json", SUMS)]);
    let out = data.path().join("out");
    let mut settings = settings("multiarith", data.path());
    settings.limit = Some(2);
    let summary = ask(&settings, &out, None).unwrap();
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let eval = r#"{
  "task": "multiarith",
  "shots": 0,
  "model": "tiny",
  "model_hash": "abc",
  "adapter_hash": null,
  "template": null,
  "dtype": "F32",
  "max_new_tokens": null,
  "batch_size": 8
}
"#;
    assert_eq!(read("eval.json"), eval);
    let rows =
        "{\"id\":0,\"correct\":1.0,\"text\":\"3\"}\n{\"id\":1,\"correct\":0.0,\"text\":\"4\"}\n";
    assert_eq!(read("rows.jsonl"), rows);
    let journal = read("journal/answers.jsonl");
    // SHA-256 of {"Generate":{"prompt":{"Chat":[{"role":"user","content":"3"}]},"stops":[],"max_new_tokens":512}}.
    let first = r#"{"id":0,"request":"9f2d","answer":{"text":"3"}}"#;
    let hash = idiolect_data::text_hash(
        r#"{"Generate":{"prompt":{"Chat":[{"role":"user","content":"3"}]},"stops":[],"max_new_tokens":512}}"#,
    );
    let bare = without_checksums(&journal).unwrap();
    assert_eq!(bare.lines().next().unwrap(), first.replace("9f2d", &hash));
    assert_eq!(read("summary.json"), format!("{summary:#}\n"));
    let head = eval.trim_end().trim_end_matches('}').trim_end();
    let text = read("summary.json");
    let behind = text.strip_prefix(head).unwrap();
    assert!(
        behind.starts_with(",\n  \"items\": 2,\n  \"interval\": 0.95,\n  \"scores\": {\n    \"correct\": {\n      \"mean\": 0.5,"),
        "{behind}"
    );
    // A longer run resumes; another way of asking is refused.
    settings.limit = None;
    assert_eq!(ask(&settings, &out, None).unwrap()["items"], 3);
    assert!(read("journal/answers.jsonl").starts_with(&journal));
    settings.max_new_tokens = Some(7);
    let error = ask(&settings, &out, None).unwrap_err().to_string();
    assert!(
        error.contains("eval.json: max_new_tokens: expected null, as it was begun with"),
        "{error}"
    );
}

#[test]
fn a_folder_whose_owner_is_taken_out_is_refused() {
    let data = data(&[("sdft/multiarith_test.json", SUMS)]);
    let out = data.path().join("out");
    let settings = settings("multiarith", data.path());
    let whole = ask(&settings, &out, None).unwrap();
    let path = out.join("eval.json");
    let before: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for name in [
        "task",
        "shots",
        "model",
        "model_hash",
        "dtype",
        "batch_size",
    ] {
        let mut without = before.clone();
        without.as_object_mut().unwrap().remove(name);
        fs::write(&path, without.to_string()).unwrap();
        let error = ask(&settings, &out, None).unwrap_err().to_string();
        let expected = format!("eval.json: {name}: expected null, as it was begun with");
        assert!(error.contains(&expected), "{error}");
    }
    fs::write(&path, "{}").unwrap();
    assert!(ask(&settings, &out, None).is_err());
    // What is null may be left out, as earlier versions left out what they had not.
    let mut without = before.clone();
    without.as_object_mut().unwrap().remove("adapter_hash");
    fs::write(&path, without.to_string()).unwrap();
    assert_eq!(ask(&settings, &out, None).unwrap(), whole);
}

#[test]
fn choices_are_written_with_their_likelihoods() {
    let arc = r#"{"id": "a", "answerKey": "A", "question": {"stem": "S?", "choices": [{"text": "one", "label": "A"}, {"text": "two", "label": "B"}]}}"#;
    let data = data(&[("mc/ARC-Easy-Test.jsonl", arc)]);
    let out = data.path().join("out");
    ask(&settings("arc_easy", data.path()), &out, None).unwrap();
    assert_eq!(
        fs::read_to_string(out.join("rows.jsonl")).unwrap(),
        "{\"id\":\"a\",\"acc\":1.0,\"acc_norm\":1.0,\"likelihoods\":[{\"log_likelihood\":-0.5,\"greedy\":true},{\"log_likelihood\":-1.5,\"greedy\":false}]}\n"
    );
}

#[test]
fn several_answers_to_a_program_give_pass_at_k() {
    let problem = |id: u8, test: &str| json!({"task_id": format!("HumanEval/{id}"), "prompt": "def f():\n    return ", "test": test, "entry_point": "f"});
    let text = [
        problem(0, "def check(f): assert f() == 1"),
        problem(1, "def check(f): pass"),
    ];
    let data = data(&[(
        "humaneval/HumanEval.jsonl",
        &text.map(|row| row.to_string()).join("\n"),
    )]);
    let out = data.path().join("out");
    let mut settings = settings("humaneval", data.path());
    settings.samples = Some(5);
    if Path::new("/usr/bin/python3").is_file() {
        settings.python = "/usr/bin/python3".into();
    }
    let summary = match ask(&settings, &out, None) {
        Err(EvalError::Sandbox { reason }) => {
            let required = std::env::var_os("IDIOLECT_REQUIRE_SANDBOX").is_some();
            assert!(!required, "{reason}");
            idiolect_testkit::skipped(&reason);
            return;
        }
        other => other.unwrap(),
    };
    assert_eq!(
        (&summary["items"], &summary["samples"]),
        (&json!(2), &json!(5))
    );
    assert_eq!(summary["temperature"].to_string(), "0.800000011920929");
    assert_eq!(summary["limits_held"]["memory"], json!(true));
    let mean = |name: &str| summary["scores"][name]["mean"].as_f64();
    let first = mean("pass@1").unwrap();
    assert!((0.5..1.0).contains(&first), "{summary}");
    assert_eq!((mean("pass@5"), mean("pass@10")), (Some(1.0), None));
    let rows = fs::read_to_string(out.join("rows.jsonl")).unwrap();
    assert_eq!(rows.lines().count(), 10);
    assert!(
        rows.lines()
            .nth(5)
            .unwrap()
            .starts_with("{\"id\":\"HumanEval/1#0\",\"passed\":1.0,")
    );
}
