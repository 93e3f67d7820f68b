//! `eval` with a judge: a server that misbehaves first, journals, budgets, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

#[path = "../common/mod.rs"]
mod common;
mod compared;
#[path = "../../../../crates/idiolect-teacher/tests/common/mod.rs"]
mod loopback;
mod mt_bench;
mod refused;

use common::{Place, done, words};
use serde_json::{Value, json};

/// Three questions of MT-bench, one with a reference; two of Arena-Hard; two instructions of `AlpacaEval`.
fn tasks(place: &Place) {
    for folder in ["mtbench", "arena_hard", "sdft"] {
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

fn run(place: &Place, text: &str) -> Value {
    serde_json::from_str(&done(&words(&call(place, text)))).expect("JSON")
}
