//! MT-bench: two turns, rated one by one.

use std::collections::HashSet;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::common::{Place, idiolect, refused, words};
use crate::loopback::{Act, Asked, Server};
use crate::{call, run, tasks};

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
        &["judge.json", "another out folder"],
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
fn fewer_questions_are_rated_in_the_folder_of_more() {
    let Some(place) = Place::new() else { return };
    tasks(&place);
    let server = Server::start(|asked| Act::text(asked, "[[6]]"));
    let text = format!(
        "--task mt-bench --runs 2 --judge openai:{} --server-model j --out $OUT/out",
        server.url
    );
    let whole = run(&place, &text);
    let count = server.count();
    let fewer = run(&place, &format!("{text} --limit 2"));
    assert_eq!(
        (&fewer["items"], &fewer["judge"]["judgements"]),
        (&json!(2), &json!(8))
    );
    assert_eq!(run(&place, &text), whole);
    assert_eq!(server.count(), count);
}
