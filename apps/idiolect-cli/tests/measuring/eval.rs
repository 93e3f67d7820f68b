//! `eval` without a judge: its journal, its files, and the likelihoods of choices.

use serde_json::{Value, json};

use crate::common::{Place, asked_sums, done, idiolect, owned, refused, with};
use crate::tasks;

#[test]
fn eval_journals_resumes_and_refuses_another_model() {
    let Some(place) = Place::new() else { return };
    let (data, out, model) = (tasks(&place), place.path("out"), place.model("tiny-llama3"));
    let mut always = asked_sums(&place);
    always.extend(owned(&["--out", &out]));
    let run = |more: &[&'static str]| with(&always, more);
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
        &["eval.json", "template", "another out folder"],
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
        &["gsm9k", "the nearest is gsm8k"],
    );
}

#[test]
fn outputs_for_a_judge_have_its_form() {
    let Some(place) = Place::new() else { return };
    let (data, out, model) = (
        tasks(&place),
        place.path("judged"),
        place.model("tiny-llama3"),
    );
    let row = json!({"instruction": "Say red.", "output": "red"});
    place.write("data/sdft/alpaca_eval.json", &json!([row]).to_string());
    done(&[
        "eval",
        "--model",
        &model,
        "--data",
        &data,
        "--out",
        &out,
        "--task",
        "alpaca_eval",
        "--max-new-tokens",
        "4",
    ]);
    let outputs: Value = serde_json::from_str(&place.read("judged/outputs.json")).unwrap();
    assert_eq!(
        (&outputs[0]["instruction"], &outputs[0]["generator"]),
        (&json!("Say red."), &json!("tiny-llama3"))
    );
    assert_eq!(
        outputs[0]["output"],
        place.lines("judged/rows.jsonl")[0]["text"]
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

/// As the scripts of arXiv 2402.13669 ask: in their template and with their sampler; the choices are not drawn.
#[test]
fn several_tasks_are_drawn_in_a_template_and_give_a_table() {
    let Some(place) = Place::new() else { return };
    let (data, out, model) = (tasks(&place), place.path("all"), place.model("tiny-llama3"));
    let config = place.write(
        "eval.toml",
        "sampler = \"sdft-2402\"\ntemplate = \"sdft-2402/main/alpaca\"\ntask = \"mmlu\"\n",
    );
    let always = [
        "eval",
        "--config",
        &config,
        "--model",
        &model,
        "--data",
        &data,
        "--out",
        &out,
        "--task",
        "multiarith,arc_easy",
        "--max-new-tokens",
        "4",
    ];
    let once: Value = serde_json::from_str(&done(&always)).unwrap();
    let tasks = once["tasks"].as_array().unwrap();
    let names: Vec<&Value> = tasks.iter().map(|row| &row["task"]).collect();
    assert_eq!(names, [&json!("multiarith"), &json!("arc_easy")]);
    let values = tasks.iter().map(|row| row["value"].as_f64().unwrap());
    let mean = values.sum::<f64>() / 2.0;
    assert!(
        (once["mean"].as_f64().unwrap() - mean).abs() < 1e-12,
        "{once}"
    );
    let asked: Value = serde_json::from_str(&place.read("all/multiarith/eval.json")).unwrap();
    assert_eq!((&asked["top_k"], &asked["seed"]), (&json!(50), &json!(42)));
    assert_eq!(asked["template"], "sdft-2402/main/alpaca");
    // The same again asks nothing; other draws are another run.
    let journal = place.read("all/multiarith/journal/answers.jsonl");
    assert_eq!(serde_json::from_str::<Value>(&done(&always)).unwrap(), once);
    assert_eq!(place.read("all/multiarith/journal/answers.jsonl"), journal);
    let refuse = |flag, value, parts: &[&str]| {
        refused(&[&always[..], &[flag, value]].concat(), parts);
    };
    refuse("--seed", "7", &["eval.json", "seed", "expected 42"]);
    refuse("--top-p", "0.5", &["eval.json", "--top-p"]);
    refuse("--top-p", "0", &["--top-p", "expected above 0"]);
    refuse("--runs", "2", &["runs", "nothing for these tasks"]);
}
