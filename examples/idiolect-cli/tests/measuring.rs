//! `metrics` and `eval`: the recorded scores, the journal, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use common::{Place, done, idiolect, refused};
use serde_json::{Value, json};

/// The path of a recorded oracle, and its rows.
fn oracle(name: &str) -> (String, Vec<Value>) {
    let shared = idiolect_testkit::shared().expect("the place was there");
    let path = shared.join("data/oracles").join(name);
    let text = common::read(&path);
    let rows = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    (path.display().to_string(), rows.collect())
}

/// Scores a recorded file, and returns the written rows and the printed means.
fn metrics(place: &Place, kind: &str, input: &str) -> (Vec<Value>, Value) {
    let out = place.path("scores.jsonl");
    let means = done(&["metrics", kind, "--in", input, "--out", &out]);
    assert_eq!(means.lines().count(), 1, "{means}");
    let rows = place.lines("scores.jsonl");
    (rows, serde_json::from_str(&means).expect("JSON"))
}

fn close(found: &Value, expected: &Value, bound: f64, what: &str) {
    let [found, expected] = [found, expected].map(|value| value.as_f64().expect(what));
    assert!(
        (found - expected).abs() <= bound,
        "{what}: {found} {expected}"
    );
}

#[test]
fn metrics_give_the_recorded_scores() {
    let Some(place) = Place::new() else { return };
    let pairs = [
        ("safety", "safety.jsonl", "safe", "safe"),
        ("math", "math.jsonl", "correct", "correct"),
        ("code", "magicoder.jsonl", "correct", "ok"),
        ("pass-at-k", "pass_at_k.jsonl", "pass_at_k", "pass_at_k"),
        ("choice", "multiple_choice_scoring.jsonl", "acc", "acc"),
    ];
    for (kind, file, ours, theirs) in pairs {
        let (path, expected) = oracle(file);
        let (found, means) = metrics(&place, kind, &path);
        assert_eq!(
            (found.len(), &means["rows"]),
            (expected.len(), &json!(expected.len()))
        );
        for (i, (found, row)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found["id"], *row.get("id").unwrap_or(&json!(i)));
            // A row that the reference fails on has no verdict.
            if row[theirs].is_number() {
                close(&found[ours], &row[theirs], 1e-12, kind);
            } else if row[theirs].is_boolean() {
                assert_eq!(found[ours], row[theirs], "{kind} {}", row["id"]);
            }
        }
    }
}

#[test]
fn metrics_of_text_and_calls_give_the_recorded_scores() {
    let Some(place) = Place::new() else { return };
    let (path, expected) = oracle("text_pairs.jsonl");
    let (found, means) = metrics(&place, "text", &path);
    let mut sum = 0.0;
    for (found, row) in found.iter().zip(&expected) {
        close(&found["bleu4"], &row["bleu4_char_m3"], 1e-12, "bleu4");
        close(
            &found["sacrebleu"],
            &row["sacrebleu_13a"],
            1e-9,
            "sacrebleu",
        );
        sum += found["bleu4"].as_f64().unwrap();
    }
    close(
        &means["bleu4"],
        &json!(sum / expected.len() as f64),
        1e-12,
        "mean",
    );
    let (_, rows) = oracle("openfunction.jsonl");
    let usable: Vec<Value> = rows
        .into_iter()
        .filter(|row| row["error_main"].is_null())
        .collect();
    let (found, _) = metrics(&place, "call", &place.rows("calls.jsonl", &usable));
    for (found, row) in found.iter().zip(&usable) {
        assert_eq!(found["correct"], row["check_main"], "{}", row["id"]);
        close(&found["score"], &row["check_reproduce"], 0.0, "score");
    }
}

#[test]
fn metrics_of_instructions_give_the_recorded_shares() {
    let Some(place) = Place::new() else { return };
    let (_, checks) = oracle("ifeval_checks.jsonl");
    let prompts = idiolect_testkit::shared()
        .unwrap()
        .join("data/ifeval/input_data.jsonl");
    let prompts: Vec<Value> = common::read(&prompts)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let join = |check: &Value| {
        let prompt = prompts.iter().find(|prompt| prompt["key"] == check["key"]);
        let mut row = prompt.unwrap().clone();
        row["response"] = check["response"].clone();
        row
    };
    let rows: Vec<Value> = checks[..100].iter().map(join).collect();
    let (found, means) = metrics(&place, "ifeval", &place.rows("rows.jsonl", &rows));
    let agree = found
        .iter()
        .zip(&checks)
        .filter(|(a, b)| a["strict"] == b["strict"])
        .count();
    assert!(98 <= agree, "{agree} of 100");
    assert!(means["instruction_loose"].as_f64() >= means["instruction_strict"].as_f64());
}

#[test]
fn wrong_rows_of_metrics_are_named() {
    let Some(place) = Place::new() else { return };
    let rows = place.rows(
        "rows.jsonl",
        &[
            json!({"label": "f(a=1)", "predict": "f(a=1)"}),
            json!({"label": "no call", "predict": "f()"}),
        ],
    );
    refused(
        &["metrics", "call", "--in", &rows],
        &["rows.jsonl", "row 1", "line 2", "label"],
    );
    refused(
        &["metrics", "text", "--in", &rows],
        &["row 0", "reference", "nothing"],
    );
    refused(&["metrics", "text"], &["--in"]);
    refused(
        &["metrics", "nonsense", "--in", &rows],
        &["nonsense", "pass-at-k"],
    );
    let rows = place.rows("passes.jsonl", &[json!({"n": 3, "c": 4, "k": 1})]);
    refused(
        &["metrics", "pass-at-k", "--in", &rows],
        &["row 0", "c: expected at most n", "4"],
    );
}

#[test]
fn shift_is_that_of_the_merged_model_and_an_adapter_is_at_its_own_place() {
    let Some(place) = Place::new() else { return };
    let (model, merged) = (place.model("tiny-llama3"), place.path("merged"));
    let adapter = place
        .peft
        .join("tiny-llama3/qv/adapter_final")
        .display()
        .to_string();
    done(&[
        "merge",
        "--model",
        &model,
        "--adapter",
        &adapter,
        "--out",
        &merged,
    ]);
    let shift = |more: &[&str]| -> Value {
        let text = done(&[&["metrics", "shift", "--model", &model], more].concat());
        serde_json::from_str(&text).unwrap()
    };
    let thin = shift(&["--adapter", &adapter]);
    let dense = shift(&["--other", &merged]);
    assert!(0.0 < thin["shift"].as_f64().unwrap());
    close(&thin["shift"], &dense["shift"], 1e-4, "shift");
    let none = shift(&["--adapter", &adapter, "--adapter", &adapter]);
    close(&none["shift"], &json!(0), 1e-5, "shift");
    refused(
        &["metrics", "shift", "--model", &model],
        &["--adapter", "--other"],
    );
}

#[test]
fn embedding_needs_no_language_model_and_gives_the_recorded_cosine() {
    let (Some(place), Some(folder)) = (Place::new(), idiolect_testkit::minilm()) else {
        return;
    };
    let pair = json!({"id": "x", "reference": "This is an example sentence", "hypothesis": "Each sentence is converted"});
    let (rows, folder) = (
        place.rows("rows.jsonl", &[pair]),
        folder.display().to_string(),
    );
    let out = place.path("scores.jsonl");
    done(&[
        "metrics",
        "embedding",
        "--in",
        &rows,
        "--model",
        &folder,
        "--out",
        &out,
    ]);
    close(
        &place.lines("scores.jsonl")[0]["cosine"],
        &json!(0.404_559),
        1e-5,
        "cosine",
    );
    refused(&["metrics", "embedding", "--in", &rows], &["--model"]);
    let none = place.path("none");
    refused(
        &["metrics", "embedding", "--in", &rows, "--model", &none],
        &["none/config.json"],
    );
}

/// Two tasks' files below a data folder, one of text and one of choices.
fn tasks(place: &Place) -> String {
    for folder in ["data/sdft", "data/mc"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    let rows: Vec<Value> = (0..5)
        .map(|i| json!({"instruction": format!("say {i}"), "output": format!("It is {i}")}))
        .collect();
    place.rows("data/sdft/multiarith_test.json", &rows);
    let rows: Vec<Value> = ["red", "blue"]
        .iter()
        .map(|word| {
            json!({"id": word, "answerKey": "B", "question": {"stem": format!("Say {word}?"),
            "choices": [{"text": "one", "label": "A"}, {"text": "two", "label": "B"}]}})
        })
        .collect();
    place.rows("data/mc/ARC-Easy-Test.jsonl", &rows);
    place.path("data")
}

#[test]
fn eval_journals_resumes_and_refuses_another_model() {
    let Some(place) = Place::new() else { return };
    let (data, out, model) = (tasks(&place), place.path("out"), place.model("tiny-llama3"));
    let always = [
        "eval",
        "--model",
        &model,
        "--data",
        &data,
        "--out",
        &out,
        "--task",
        "multiarith",
        "--max-new-tokens",
        "6",
        "--batch-size",
        "2",
    ];
    let run = |more: &[&'static str]| [&always, more].concat();
    let first: Value = serde_json::from_str(&done(&run(&["--limit", "3"]))).unwrap();
    assert_eq!(
        (&first["items"], &first["task"]),
        (&json!(3), &json!("multiarith"))
    );
    assert_eq!(place.lines("out/rows.jsonl").len(), 3);
    let begun = place.lines("out/journal/answers.jsonl");
    done(&run(&[]));
    let rows = place.lines("out/rows.jsonl");
    assert_eq!((rows.len(), &rows[4]["id"]), (5, &json!(4)));
    assert!(rows[0]["correct"].is_number() && rows[0]["text"].is_string());
    assert_eq!(place.lines("out/journal/answers.jsonl")[..3], begun[..]);
    let summary: Value = serde_json::from_str(&place.read("out/summary.json")).unwrap();
    assert!(summary["scores"]["correct"]["low"].is_number(), "{summary}");
    refused(
        &run(&["--template", "alpaca"]),
        &["eval.json", "template", "another --out"],
    );
    refused(&run(&["--shots", "2"]), &["worked examples"]);
    let nothing = place.path("nothing");
    refused(
        &[
            "eval", "--model", &model, "--task", "gsm8k", "--data", &nothing, "--out", &out,
        ],
        &["nothing/gsm8k/test.jsonl"],
    );
    refused(
        &[
            "eval", "--model", &model, "--task", "gsm9k", "--data", &data, "--out", &out,
        ],
        &["gsm9k", "gsm8k_chat"],
    );
}

#[test]
fn likelihoods_of_choices_are_those_of_score() {
    let Some(place) = Place::new() else { return };
    let (data, out, model) = (tasks(&place), place.path("mc"), place.model("tiny-llama3"));
    let always = [
        "eval", "--model", &model, "--data", &data, "--out", &out, "--task", "arc_easy",
    ];
    assert!(idiolect(&always).status.success());
    let rows = place.lines("mc/rows.jsonl");
    let found: Vec<f64> = rows
        .iter()
        .flat_map(|row| row["likelihoods"].as_array().unwrap())
        .map(|one| one["log_likelihood"].as_f64().unwrap())
        .collect();
    assert_eq!((found.len(), &rows[1]["id"]), (4, &json!("blue")));
    // The same question through the tokenizer's own ids and `score`.
    let tokenizer = idiolect::tokens::Tokenizer::from_folder(&place.tiny.join("tiny-llama3"))
        .unwrap()
        .0;
    let bos = tokenizer.bos();
    let ids = |text: &str| -> Vec<u32> {
        bos.into_iter()
            .chain(tokenizer.encode_text(text).unwrap())
            .collect()
    };
    let context = "Question: Say red?\nAnswer:";
    let (whole, skip) = (ids(&format!("{context} two")), ids(context).len());
    let label = |(i, id): (usize, &u32)| if i < skip { -100 } else { i64::from(*id) };
    let labels: Vec<i64> = whole.iter().enumerate().map(label).collect();
    let rows = place.rows(
        "score.jsonl",
        &[json!({"input_ids": whole, "labels": labels})],
    );
    let scores = place.path("scores.jsonl");
    done(&[
        "score", "--model", &model, "--data", &rows, "--out", &scores,
    ]);
    let nll = place.lines("scores.jsonl")[0]["nll"].as_f64().unwrap();
    assert!((nll + found[1]).abs() < 1e-4, "{nll} {}", found[1]);
}
