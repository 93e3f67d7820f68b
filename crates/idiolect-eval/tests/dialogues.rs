//! MT-bench: both turns answered in every run, and what of its files is refused.

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{SETTINGS, Teller, mt_bench};
use idiolect_completion::{Prompt, Quiet};
use idiolect_data::Role;
use idiolect_eval::{EvalError, MtBench, MtBenchRun};
use serde_json::json;

#[test]
fn both_turns_are_answered_in_every_run_that_draws() {
    let folder = tempfile::tempdir().unwrap();
    mt_bench(folder.path());
    let bench = MtBench::read(folder.path(), None, 2).unwrap();
    let answer = |calls, seed, at: &str| {
        let at = folder.path().join(at);
        fs::create_dir_all(&at).unwrap();
        let asked = MtBenchRun {
            settings: SETTINGS,
            seed,
            folder: &at,
            progress: &Quiet,
        };
        bench.answer(&mut Teller(calls), &asked)
    };
    // Ten dialogues: four questions twice, two greedy ones once; in two turns, three at a time.
    let dialogues = answer(8, 5, "whole").unwrap();
    assert!(matches!(answer(6, 5, "cut"), Err(EvalError::Model { .. })));
    assert_eq!(answer(2, 5, "cut").unwrap(), dialogues);
    assert_eq!(dialogues.len(), 12);
    let by: BTreeMap<(usize, usize), &[String; 2]> = dialogues
        .iter()
        .map(|dialogue| ((dialogue.question, dialogue.run), &dialogue.answers))
        .collect();
    assert_ne!(by[&(0, 0)][0], by[&(0, 1)][0], "drawn anew");
    assert_eq!(by[&(1, 0)], by[&(1, 1)], "greedy");
    assert_eq!(by[&(1, 0)][0], "q1 after 1: 0");
    assert_eq!(by[&(1, 0)][1], "{answer_1}1 after 3: 0");
    assert_ne!(answer(8, 6, "other").unwrap(), dialogues, "another seed");
    let requests = bench.requests(&dialogues);
    assert_eq!(requests.len(), 24);
    let shown = |at: usize| {
        let Prompt::Chat(turns) = &requests[at].prompt else {
            panic!("a chat")
        };
        let [system, user] = turns.as_slice() else {
            panic!("two turns")
        };
        assert_eq!((system.role, user.role), (Role::System, Role::User));
        format!("{} {} {}", requests[at].id, system.content, user.content)
    };
    // Question 81 has four requests; then 82 has a reference. No value is looked into.
    let math = shown(4);
    assert_eq!(
        math,
        "\"82/1/turn-1\" You are single-math-v1. q1|r1|q1 after 1: 0"
    );
    let both = shown(5);
    let expected = "\"82/1/turn-2\" You are single-math-v1-multi-turn. r1|s|{answer_1}1|{answer_1}1 after 3: 0";
    assert_eq!(both, expected);
    assert!(shown(1).starts_with("\"81/1/turn-2\" You are single-v1-multi-turn. q0|q0 after 1: "));
}

#[test]
fn fewer_questions_are_taken_from_the_journals_of_more() {
    let folder = tempfile::tempdir().unwrap();
    mt_bench(folder.path());
    let answer = |calls, limit| {
        let bench = MtBench::read(folder.path(), limit, 2).unwrap();
        let asked = MtBenchRun {
            settings: SETTINGS,
            seed: 5,
            folder: folder.path(),
            progress: &Quiet,
        };
        bench.answer(&mut Teller(calls), &asked).unwrap()
    };
    let journals = || [1, 2].map(|turn| fs::read(folder.path().join(format!("turn-{turn}.jsonl"))));
    let first = answer(2, Some(1));
    let whole = answer(8, None);
    assert_eq!(whole[..2], first);
    let before = journals().map(Result::unwrap);
    for limit in 0..6 {
        // Nothing is asked again, and nothing of the longer run is lost.
        assert_eq!(answer(0, Some(limit)), whole[..2 * limit]);
        assert_eq!(journals().map(Result::unwrap), before);
    }
}

#[test]
fn questions_that_cannot_be_rated_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    mt_bench(folder.path());
    let references = folder
        .path()
        .join("mtbench/mt_bench_reference_answer_gpt-4.jsonl");
    let other = json!({"question_id": 99, "choices": [{"turns": ["r", "s"]}]});
    fs::write(&references, other.to_string()).unwrap();
    let error = MtBench::read(folder.path(), None, 1)
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("row 2") && error.contains("reference"),
        "{error}"
    );
    assert!(MtBench::read(folder.path(), Some(1), 1).is_ok());
    let prompts = folder.path().join("mtbench/judge_prompts.jsonl");
    fs::write(prompts, json!({"name": "pair-v2"}).to_string()).unwrap();
    let error = MtBench::read(folder.path(), Some(1), 1)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("single-v1"), "{error}");
}
