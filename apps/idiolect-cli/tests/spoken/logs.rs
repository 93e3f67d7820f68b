//! What long work says: lines in logs, objects for programs, where a run resumes.

use serde_json::Value;

use crate::common::{Place, idiolect, refused, training, whole_job, with};

/// Standard error of a call that succeeds.
fn said(args: &[&str]) -> String {
    let out = idiolect(args);
    let errors = String::from_utf8(out.stderr).expect("UTF-8");
    assert!(out.status.success(), "{args:?}: {errors}");
    errors
}

#[test]
fn a_log_has_a_line_for_each_step_and_a_summary() {
    let Some(place) = Place::new() else { return };
    let (data, run) = (place.alpaca(), place.path("run"));
    let flags = training(&place, &["--epochs", "2", "--threads", "1"]);
    let more = ["--eval-data", &data, "--log-every", "0", "--out", &run];
    let said = said(&with(&flags, &more));
    for part in [
        " parameters train, ",
        " of the model's ",
        "; 12 rows are held out and evaluated; ",
        "train 1/4, loss ",
        ", gradient norm ",
        " tokens/s, ",
        " left",
        ": held-out loss ",
        "4 steps are done; training loss ",
        "; held-out loss ",
        &format!("adapter in {run}/adapter"),
        "try it: idiolect generate --model ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains('\u{1b}'), "{said}");
    assert_eq!(said.matches("train 4/4").count(), 1, "{said}");
}

#[test]
fn a_program_gets_objects_and_a_quiet_run_says_nothing() {
    let Some(place) = Place::new() else { return };
    let flags = training(&place, &["--max-steps", "2", "--threads", "1"]);
    let (json, quiet) = (place.path("json"), place.path("quiet"));
    let told = said(&with(
        &flags,
        &["--log", "json", "--log-every", "0", "--out", &json],
    ));
    let rows: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let steps: Vec<&Value> = rows.iter().filter(|row| row["stage"] == "train").collect();
    assert_eq!(
        (steps[0]["done"].as_u64(), steps[0]["total"].as_u64()),
        (Some(1), Some(2))
    );
    let of_first = &steps[0]["numbers"];
    assert!(
        of_first["step"]["loss"].is_number() && of_first["timing"]["tokens_per_second"].is_number()
    );
    assert!(rows.iter().any(|row| {
        row["note"]
            .as_str()
            .is_some_and(|note| note.contains("adapter in"))
    }));
    let outcome = rows.iter().find(|row| row["outcome"].is_object());
    let outcome = &outcome.expect("an outcome")["outcome"];
    assert!(
        outcome["steps"] == 2 && outcome["last_loss"].is_number(),
        "{outcome}"
    );
    assert_eq!(
        said(&with(&flags, &["--log", "quiet", "--out", &quiet])),
        ""
    );
    let out = idiolect(&["train", "--log", "json"]);
    let error: Value = serde_json::from_slice(&out.stderr).expect("JSON");
    assert!(
        error["error"]
            .as_str()
            .is_some_and(|text| text.contains("--model"))
    );
}

#[test]
fn a_run_says_where_it_goes_on() {
    let Some(place) = Place::new() else { return };
    let run = place.path("run");
    let flags = training(
        &place,
        &["--epochs", "2", "--checkpoint-every", "1", "--threads", "1"],
    );
    let anew = said(&with(&flags, &["--resume", "--out", &run]));
    assert!(anew.contains("the run begins anew"), "{anew}");
    let again = said(&with(&flags, &["--resume", "--out", &run]));
    assert!(
        again.contains("the run is finished: all 4 steps are done") && !again.contains("anew"),
        "{again}"
    );
}

#[test]
fn a_template_whose_ends_are_no_tokens_is_told_of() {
    let Some(place) = Place::new() else { return };
    let (data, told) = (place.alpaca(), "is no token of this tokenizer");
    for (model, template, is_told) in [
        ("tiny-llama2", "llama3", true),
        ("tiny-llama2", "chatml", false),
        ("tiny-llama2", "zephyr", false),
    ] {
        let model = place.model(model);
        let call = [
            "inspect",
            "--model",
            &model,
            "--data",
            &data,
            "--template",
            template,
        ];
        let said = String::from_utf8_lossy(&idiolect(&call).stderr).into_owned();
        assert_eq!(said.contains(told), is_told, "{template}: {said}");
    }
}

#[test]
fn a_run_resumes_with_its_own_settings() {
    let Some(place) = Place::new() else { return };
    let (flags, run) = (
        training(&place, &["--max-steps", "2", "--rank", "4"]),
        place.path("run"),
    );
    said(&with(&flags, &["--checkpoint-every", "1", "--out", &run]));
    let settings = place.read("run/run.toml");
    let again = said(&["train", "--resume", "--out", &run]);
    assert!(again.contains("2 steps are done"), "{again}");
    assert_eq!(place.read("run/run.toml"), settings);
    let other = idiolect(&["train", "--resume", "--out", &run, "--rank", "8"]);
    let refused = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(
        refused.contains("expected a run with --rank 8"),
        "{refused}"
    );
}

#[test]
fn a_held_out_row_that_is_too_long_is_refused_before_a_row_is_rewritten() {
    let Some(place) = Place::new() else { return };
    let long = "a long answer ".repeat(60);
    let eval = place.rows(
        "eval.jsonl",
        &[serde_json::json!({"instruction": "Say red.", "output": long})],
    );
    let call = whole_job(&place, &place.path("job"));
    let call = with(&call, &["--eval-data", &eval, "--max-length", "64"]);
    let at = call.iter().position(|word| *word == "--eval-data").unwrap();
    let call = [&call[..at], &call[at + 2..]].concat();
    refused(
        &call,
        &[
            "row 0 (line 1): length: expected at most 64 tokens",
            "--truncation",
        ],
    );
    assert!(!place.folder.path().join("job/distill").exists());
}

#[test]
fn more_is_said_where_it_is_asked_for() {
    let Some(place) = Place::new() else { return };
    let flags = training(&place, &["--epochs", "1", "--threads", "1"]);
    let call = |name: &str, more: &[&str]| {
        let out = place.path(name);
        said(&[with(&flags, &["--out", &out]).as_slice(), more].concat())
    };
    let events = [
        "weights are loaded",
        "the run is planned",
        "a checkpoint is written",
    ];
    let plain = call("plain", &[]);
    let once = call("once", &["-v"]);
    let twice = call("twice", &["-vv", "--log", "json"]);
    for event in events {
        assert!(
            !plain.contains(event) && once.contains(event),
            "{event}: {once}"
        );
        assert!(twice.contains(event), "{event}: {twice}");
    }
    let steps = |text: &str| text.matches("a step is done").count();
    assert_eq!([steps(&once), steps(&twice)], [0, 2], "{twice}");
    for line in twice.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    let quiet = call("quiet", &["-v", "--log", "quiet"]);
    assert_eq!(quiet, "");
}
