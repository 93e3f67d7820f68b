//! `eval` with a judge: a server that misbehaves first, journals, budgets, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests end them, and say what is skipped"
)]

mod common;
#[path = "../../../crates/idiolect-teacher/tests/common/mod.rs"]
mod loopback;

use std::collections::HashSet;
use std::sync::Mutex;

use common::{Place, done, idiolect, refused};
use loopback::{Act, Asked, Server};
use serde_json::{Value, json};

/// Three questions of MT-bench, one with a reference; two of Arena-Hard; two instructions of `AlpacaEval`.
fn tasks(place: &Place) {
    for folder in ["mtbench", "arena_hard", "sdft", "humaneval"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    let kinds = ["writing", "math", "stem"];
    let question = |i: usize| json!({"question_id": i, "category": kinds[i], "turns": [format!("Say {i}."), "Again."]});
    place.rows("mtbench/mt_bench_question.jsonl", &[0, 1, 2].map(question));
    let reference = json!({"question_id": 1, "choices": [{"turns": ["one", "one"]}]});
    place.rows(
        "mtbench/mt_bench_reference_answer_gpt-4.jsonl",
        &[reference],
    );
    let names = [
        "single-v1",
        "single-v1-multi-turn",
        "single-math-v1",
        "single-math-v1-multi-turn",
    ];
    let form = |name: &str| json!({"name": name, "system_prompt": "Judge.", "prompt_template": format!("{name}: {{question}}{{question_1}}")});
    place.rows("mtbench/judge_prompts.jsonl", &names.map(form));
    let question = |id: &str| json!({"uid": id, "prompt": format!("Say {id}.")});
    place.rows("arena_hard/question_v0.1.jsonl", &["u", "v"].map(question));
    let rows =
        ["red", "blue"].map(|word| json!({"instruction": format!("Say {word}."), "output": word}));
    place.write("sdft/alpaca_eval.json", &json!(rows).to_string());
}

/// `eval` on the tiny model; `$OUT/` stands for the place.
fn call(place: &Place, words: &str) -> Vec<String> {
    let model = place.model("tiny-llama3");
    let data = place.path(".");
    let always = [
        "eval",
        "--model",
        &model,
        "--data",
        &data,
        "--max-new-tokens",
        "3",
    ];
    let word = |word: &str| match word.strip_prefix("$OUT/") {
        Some(name) => place.path(name),
        None => word.to_owned(),
    };
    let all = always.into_iter().map(str::to_owned);
    all.chain(words.split_whitespace().map(word)).collect()
}

fn words(call: &[String]) -> Vec<&str> {
    call.iter().map(String::as_str).collect()
}

fn run(place: &Place, text: &str) -> Value {
    serde_json::from_str(&done(&words(&call(place, text)))).expect("JSON")
}

/// A judge that fails the first time it sees a question, each in another way, and then answers.
fn moody(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    let seen: Mutex<HashSet<String>> = Mutex::default();
    Server::start(move |asked: &Asked| {
        let shown = asked.shown();
        let first = seen.lock().unwrap().insert(shown.clone()) && asked.number < 6;
        match asked.number % 4 {
            0 if first => Act::Reply(500, "", "oh".into()),
            1 if first => Act::CutOff,
            2 if first => Act::Drop,
            _ => Act::text(asked, &answer(&shown)),
        }
    })
}

#[test]
fn mt_bench_is_rated_by_a_server_and_goes_on_where_it_was() {
    let Some(place) = Place::new() else { return };
    tasks(&place);
    let server = moody(|shown| match shown {
        shown if shown.starts_with("single-v1: Say 2") => "I cannot say.".to_owned(),
        shown if shown.contains("multi-turn") => "Rating: [[4]]".to_owned(),
        _ => "Rating: [[8]]".to_owned(),
    });
    let text = format!(
        "--task mt-bench --runs 2 --template mt-bench/llama-3 --judge openai:{} --server-model j --out $OUT/out",
        server.url
    );
    // A budget that ends it: the run failed, and nothing that was paid for is lost.
    let cut = idiolect(&words(&call(
        &place,
        &format!("{text} --in-flight 1 --budget-tokens 2120"),
    )));
    let said = String::from_utf8_lossy(&cut.stderr).into_owned();
    assert!(
        cut.status.code() == Some(1) && said.contains("budget"),
        "{said}"
    );
    let before = place.lines("out/journal/judgements.jsonl").len();
    assert!(0 < before && before < 12, "{before}");
    let summary = run(&place, &text);
    assert_eq!(place.lines("out/journal/judgements.jsonl").len(), 12);
    let mean = |name: &str| summary["scores"][name]["mean"].as_f64().unwrap();
    assert!((mean("turn_1") - 8.0).abs() < 1e-9 && (mean("turn_2") - 4.0).abs() < 1e-9);
    assert!((mean("score") - 5.6).abs() < 1e-9, "{summary}");
    assert_eq!(summary["groups"]["math"]["score"], json!(6.0));
    assert_eq!(summary["run_scores"], json!([5.6, 5.6]));
    let judge = &summary["judge"];
    assert_eq!(
        (&judge["model"], &judge["judgements"], &judge["unread"]),
        (&json!("j"), &json!(12), &json!(2))
    );
    assert_eq!(judge["unread_ids"], json!(["2/1/turn-1", "2/2/turn-1"]));
    let rows = place.lines("out/rows.jsonl");
    assert_eq!(
        (rows.len(), &rows[1]["id"], &rows[1]["turn_2"]),
        (3, &json!(1), &json!(4.0))
    );
    assert_eq!(rows[0]["answers"].as_array().unwrap().len(), 2);
    // The whole again, from the journals alone.
    let count = server.count();
    assert_eq!(run(&place, &text), summary);
    assert_eq!(server.count(), count);
    refused(
        &words(&call(
            &place,
            &text.replace("--server-model j", "--server-model k"),
        )),
        &["judge.json", "another --out"],
    );
    refused(
        &words(&call(&place, &format!("{text} --seed 7"))),
        &["eval.json", "seed"],
    );
}

#[test]
fn answers_without_a_judge_are_kept_for_one() {
    let Some(place) = Place::new() else { return };
    tasks(&place);
    let text = "--task mt_bench --runs 1 --limit 1 --out $OUT/later";
    let summary = run(&place, text);
    assert_eq!(
        (&summary["items"], &summary["scores"]),
        (&json!(1), &Value::Null)
    );
    let answers = place.read("later/journal/turn-2.jsonl");
    let server = Server::start(|asked| Act::text(asked, "[[10]]"));
    let judged = run(
        &place,
        &format!("{text} --judge openai:{} --server-model j", server.url),
    );
    assert_eq!(judged["scores"]["score"]["mean"], json!(10.0));
    assert_eq!(place.read("later/journal/turn-2.jsonl"), answers);
}

#[test]
fn arena_hard_and_alpaca_eval_compare_with_a_baseline() {
    let Some(place) = Place::new() else { return };
    tasks(&place);
    run(&place, "--task arena_hard --out $OUT/seed");
    let server = Server::start(|asked| {
        let shown = asked.shown();
        // The baseline's answers are marked; whoever has no mark is better.
        let text = match shown.split_once("Assistant B's Answer|>") {
            Some((first, _)) if first.contains("MARK") => "[[B>>A]]",
            Some(_) => "[[A=B]]",
            None if shown.contains("Say red.") => {
                "[{'model': 'model_1', 'rank': 1}, {'model': 'model_2', 'rank': 2}]"
            }
            None => "neither",
        };
        Act::text(asked, text)
    });
    let judge = format!("--judge openai:{} --server-model j", server.url);
    // Its own answers as the baseline, marked.
    let mut rows = place.lines("seed/rows.jsonl");
    for row in &mut rows {
        row["text"] = format!("MARK {}", row["text"].as_str().unwrap()).into();
    }
    place.rows("baseline.jsonl", &rows);
    let text = format!("--task arena_hard --out $OUT/arena --baseline $OUT/baseline.jsonl {judge}");
    let summary = run(&place, &text);
    // Three games are won where the baseline stands first, one is half won where it stands second.
    assert_eq!(summary["scores"]["win"]["mean"], json!(0.875));
    assert_eq!(
        (
            &summary["judge"]["judgements"],
            &summary["judge"]["baseline"]
        ),
        (&json!(4), &json!("baseline.jsonl"))
    );
    assert_eq!(place.lines("arena/rows.jsonl")[0]["win"], json!(0.875));
    let summary = run(
        &place,
        &format!("--task alpaca_eval --out $OUT/alpaca {judge}"),
    );
    assert_eq!(
        (&summary["judge"]["judgements"], &summary["judge"]["unread"]),
        (&json!(2), &json!(1))
    );
    let outputs: Value = serde_json::from_str(&place.read("alpaca/outputs.json")).unwrap();
    assert_eq!(outputs.as_array().unwrap().len(), 2);
    let short = place.rows("short.jsonl", &rows[..1]);
    let text = format!("--task arena_hard --out $OUT/short --baseline {short} {judge}");
    refused(
        &words(&call(&place, &text)),
        &["short.jsonl", "no answer to \"v\""],
    );
}

#[test]
fn options_without_use_and_keys_in_the_open_are_refused() {
    let Some(place) = Place::new() else { return };
    tasks(&place);
    let wrong = |text: &str, parts: &[&str]| {
        refused(
            &words(&call(&place, &format!("{text} --out $OUT/x"))),
            parts,
        );
    };
    wrong(
        "--task alpaca_eval --runs 2",
        &["--runs", "nothing for this task"],
    );
    wrong("--task alpaca_eval --samples 2", &["--samples"]);
    wrong(
        "--task gsm8k --judge openai:a.b",
        &["--judge", "nothing for this task"],
    );
    wrong(
        "--task arena_hard --judge openai:a.b --server-model j",
        &["--baseline"],
    );
    wrong("--task mt_bench --runs 0", &["--runs", "at least 1"]);
    wrong("--task mt_bench --judge gpt-4", &["--judge", "openai:URL"]);
    let judge = "--task mt_bench --judge openai:a.b --server-model j";
    wrong(
        &format!("{judge} --key-variable IDIOLECT_NO_SUCH_KEY"),
        &["IDIOLECT_NO_SUCH_KEY"],
    );
    let out = idiolect(&words(&call(
        &place,
        &format!("{judge} --key-variable sk-secret --out $OUT/y"),
    )));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        out.status.code() == Some(2) && !said.contains("sk-secret"),
        "{said}"
    );
}

#[test]
fn several_answers_to_a_program_give_pass_at_k() {
    let Some(place) = Place::new() else { return };
    tasks(&place);
    let program = |id: &str, prompt: &str, test: &str| json!({"task_id": id, "prompt": prompt, "test": test, "entry_point": "f"});
    // Nothing completes the first; whatever stands behind the second is text between quotes.
    let rows = [
        program(
            "HumanEval/0",
            "def f():\n    return (\ndef",
            "def check(f): pass",
        ),
        program(
            "HumanEval/1",
            "def f(): pass\nx = r\"\"\"",
            "\"\"\"\ndef check(f): pass",
        ),
    ];
    place.rows("humaneval/HumanEval.jsonl", &rows);
    let text = "--task humaneval --samples 5 --out $OUT/code";
    let out = idiolect(&words(&call(&place, text)));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    if out.status.code() == Some(1) && said.contains("the sandbox cannot be used") {
        eprintln!("skipped: {said}");
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
