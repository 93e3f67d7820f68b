//! MT-bench, Arena-Hard and `AlpacaEval` over a scripted model and a scripted judge.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use idiolect_data::{Message, Role};
use idiolect_eval::{
    Ask, Baseline, BoxError, Continuation, Draw, Duel, EvalError, JudgeRequest, Likelihood, Model,
    MtBench, Pair, Prompt, Settings, Talk, Task, Writing, judge_all, run, sampled,
};
use idiolect_metrics::interval::Draws;
use serde_json::{Value, json};

const DRAWS: Draws = Draws {
    samples: 200,
    level: 0.95,
    seed: 1,
};
const SETTINGS: Settings = Settings {
    limit: None,
    batch_size: 3,
};

/// Says how it was asked: the number of turns, and the seed where it draws.
struct Teller(usize);

impl Model for Teller {
    fn generate(&mut self, asked: &[Writing<'_>]) -> Result<Vec<String>, BoxError> {
        self.0 = self.0.checked_sub(1).ok_or("spent")?;
        let text = |one: &Writing<'_>| match one.prompt {
            Prompt::Text(text) => text.clone(),
            Prompt::Chat(turns) => {
                let seed = one.draw.map_or(0, |draw| draw.seed);
                format!(
                    " {} after {}: {seed}\n",
                    turns.last().unwrap().content,
                    turns.len()
                )
            }
        };
        Ok(asked.iter().map(text).collect())
    }

    fn likelihoods(&mut self, _: &[&[Continuation]]) -> Result<Vec<Vec<Likelihood>>, BoxError> {
        Err("it only writes".into())
    }
}

/// Six questions of three kinds, with references for those of mathematics, and the judge's four prompts.
fn mt_bench(folder: &Path) {
    let folder = folder.join("mtbench");
    fs::create_dir_all(&folder).unwrap();
    let lines = |name: &str, rows: Vec<Value>| {
        let text: Vec<String> = rows.iter().map(Value::to_string).collect();
        fs::write(folder.join(name), text.join("\n")).unwrap();
    };
    let kinds = ["writing", "math", "stem"];
    let rows = (0..6).map(|i| json!({"question_id": 81 + i, "category": kinds[i % 3], "turns": [format!("q{i}"), format!("{{answer_1}}{i}")]}));
    lines("mt_bench_question.jsonl", rows.collect());
    let rows = [1, 4]
        .map(|i| json!({"question_id": 81 + i, "choices": [{"turns": [format!("r{i}"), "s"]}]}));
    lines("mt_bench_reference_answer_gpt-4.jsonl", rows.to_vec());
    let form = |name: &str, text: &str| json!({"name": name, "system_prompt": format!("You are {name}."), "prompt_template": text});
    lines(
        "judge_prompts.jsonl",
        vec![
            form("single-v1", "{question}|{answer}"),
            form("single-math-v1", "{question}|{ref_answer_1}|{answer}"),
            form(
                "single-v1-multi-turn",
                "{question_1}|{answer_1}|{question_2}|{answer_2}",
            ),
            form(
                "single-math-v1-multi-turn",
                "{ref_answer_1}|{ref_answer_2}|{question_2}|{answer_2}",
            ),
        ],
    );
}

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/judgements.json")).unwrap()
}

fn texts(golden: &Value) -> Vec<String> {
    let all = golden["judgements"].as_array().unwrap().iter();
    all.map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn close(found: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
}

#[test]
fn both_turns_are_answered_in_every_run_that_draws() {
    let folder = tempfile::tempdir().unwrap();
    mt_bench(folder.path());
    let bench = MtBench::read(folder.path(), None, 2).unwrap();
    let answer = |calls, seed, at: &str| {
        let at = folder.path().join(at);
        fs::create_dir_all(&at).unwrap();
        bench.answer(&mut Teller(calls), SETTINGS, seed, &at)
    };
    // Ten talks: four questions twice, two greedy ones once; in two turns, three at a time.
    let talks = answer(8, 5, "whole").unwrap();
    assert!(matches!(answer(6, 5, "cut"), Err(EvalError::Model { .. })));
    assert_eq!(answer(2, 5, "cut").unwrap(), talks);
    assert_eq!(talks.len(), 12);
    let by: BTreeMap<(usize, usize), &[String; 2]> = talks
        .iter()
        .map(|talk| ((talk.question, talk.run), &talk.answers))
        .collect();
    assert_ne!(by[&(0, 0)][0], by[&(0, 1)][0], "drawn anew");
    assert_eq!(by[&(1, 0)], by[&(1, 1)], "greedy");
    assert_eq!(by[&(1, 0)][0], "q1 after 1: 0");
    assert_eq!(by[&(1, 0)][1], "{answer_1}1 after 3: 0");
    assert_ne!(answer(8, 6, "other").unwrap(), talks, "another seed");
    let requests = bench.requests(&talks);
    assert_eq!(requests.len(), 24);
    let shown = |at: usize| {
        let [system, user] = requests[at].turns.as_slice() else {
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

#[test]
fn means_of_ratings_are_those_of_fastchat() {
    let folder = tempfile::tempdir().unwrap();
    mt_bench(folder.path());
    let bench = MtBench::read(folder.path(), None, 2).unwrap();
    let talks: Vec<Talk> = (0..12)
        .map(|at| Talk {
            question: at / 2,
            run: at % 2,
            answers: ["a".into(), if at == 3 { String::new() } else { "b".into() }],
        })
        .collect();
    let golden = &golden()["mt_bench"];
    let judged = bench.summarize(&talks, &texts(golden), &DRAWS);
    for name in ["score", "turn_1", "turn_2"] {
        close(judged.summary.scores[name].mean, &golden[name]);
    }
    for (kind, mean) in golden["kinds"].as_object().unwrap() {
        close(judged.summary.groups[kind]["score"], mean);
    }
    assert_eq!(judged.runs.len(), 2);
    for (run, mean) in judged.runs.iter().zip(golden["runs"].as_array().unwrap()) {
        close(*run, mean);
    }
    assert_eq!(json!(judged.unread.len()), golden["unread"]);
    assert_eq!(
        (judged.judgements, judged.empty, judged.summary.rows.len()),
        (24, 1, 6)
    );
    let score = judged.summary.scores["score"];
    assert!(score.low < score.mean && score.mean < score.high);
    let none = bench.summarize(&talks, &vec!["no idea".to_owned(); 24], &DRAWS);
    assert!(none.summary.scores.is_empty() && none.unread.len() == 24);
}

fn pairs(equal: impl Fn(usize) -> bool) -> Vec<Pair> {
    let pair = |at: usize| Pair {
        id: at.into(),
        question: format!("q{at}"),
        model: "m".into(),
        baseline: if equal(at) { "m" } else { "b" }.into(),
    };
    (0..12).map(pair).collect()
}

#[test]
fn wins_of_arena_hard_are_those_of_its_model() {
    let pairs = pairs(|_| false);
    let golden = &golden()["arena_hard"];
    let requests = Duel::ArenaHard.requests(&pairs);
    assert_eq!(requests.len(), 24);
    let shown: Vec<&str> = requests
        .iter()
        .map(|one| one.turns[1].content.as_str())
        .collect();
    assert!(
        shown[0].starts_with("<|User Prompt|>\nq0\n\n<|The Start of Assistant A's Answer|>\nb\n")
    );
    assert!(
        shown[1].contains("Assistant A's Answer|>\nm\n")
            && shown[1].ends_with("<|The End of Assistant B's Answer|>")
    );
    let judged = Duel::ArenaHard.summarize(&pairs, &texts(golden), &DRAWS);
    close(judged.summary.scores["win"].mean, &golden["win"]);
    assert_eq!(json!(judged.unread.len()), golden["unread"]);
}

#[test]
fn wins_of_alpaca_eval_are_those_of_its_preferences() {
    let pairs = pairs(|at| at % 3 == 0);
    let golden = &golden()["alpaca_eval"];
    let duel = Duel::AlpacaEval(3);
    let requests = duel.requests(&pairs);
    assert_eq!(requests.len(), 8);
    let mut orders = [0, 0];
    let answer = |request: &JudgeRequest| {
        let id = request.id.as_str().unwrap();
        let (pair, place) = id.split_once('/').unwrap();
        let first = request.turns[1]
            .content
            .contains("\"model_1\",\n        \"answer\": \"\"\"m\"\"\"");
        assert_eq!(first, place == "first", "{id}");
        orders[usize::from(first)] += 1;
        golden["judgements"][pair.parse::<usize>().unwrap()][place]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let judgements: Vec<String> = requests.iter().map(answer).collect();
    assert!(0 < orders[0] && 0 < orders[1], "{orders:?}");
    let judged = duel.summarize(&pairs, &judgements, &DRAWS);
    close(judged.summary.scores["win"].mean, &golden["win"]);
    assert_eq!(json!(judged.unread.len()), golden["unread"]);
    assert_eq!(judged.summary.rows.len(), 12);
}

#[test]
fn judgements_are_journaled_and_belong_to_their_question() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("judgements.jsonl");
    let requests = Duel::ArenaHard.requests(&pairs(|_| false));
    let mut left = 5;
    let mut judge = |turns: &[Message]| {
        left -= 1;
        if left < 0 {
            return Err("the line is dead".into());
        }
        Ok(format!("{} long", turns[1].content.len()))
    };
    let cut = judge_all(requests.clone(), &mut judge, &path);
    assert!(matches!(cut, Err(EvalError::Judge { .. })));
    let mut asked = 0;
    let mut judge = |turns: &[Message]| {
        asked += 1;
        Ok::<_, BoxError>(format!("{} long", turns[1].content.len()))
    };
    let whole = judge_all(requests.clone(), &mut judge, &path).unwrap();
    assert_eq!((whole.len(), asked), (24, 19));
    let mut none = |_: &[Message]| Err::<String, BoxError>("nobody".into());
    assert_eq!(
        judge_all(requests.clone(), &mut none, &path).unwrap(),
        whole
    );
    assert_eq!(
        judge_all(requests[..3].to_vec(), &mut none, &path).unwrap(),
        whole[..3]
    );
    let mut changed = requests;
    changed[2].turns[1].content.push('!');
    let error = judge_all(changed, &mut none, &path).unwrap_err();
    assert!(matches!(error, EvalError::Journal { .. }), "{error}");
}

#[test]
fn baselines_are_read_in_every_form_and_none_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("arena_hard")).unwrap();
    let row = |id: &str| json!({"uid": id, "prompt": format!("ask {id}")}).to_string();
    let questions = ["u", "v"].map(row).join("\n");
    fs::write(
        folder.path().join("arena_hard/question_v0.1.jsonl"),
        questions,
    )
    .unwrap();
    let items = "arena-hard"
        .parse::<Task>()
        .unwrap()
        .read(folder.path(), 0)
        .unwrap();
    let answers = run(
        &items,
        &mut Teller(1),
        SETTINGS,
        &folder.path().join("a.jsonl"),
    )
    .unwrap();
    let path = folder.path().join("baseline.jsonl");
    let read = |rows: &[Value]| {
        let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        fs::write(&path, rows.join("\n")).unwrap();
        Baseline::read(&path)?.pairs(&items, &answers)
    };
    let first = json!({"question_id": "u", "choices": [{"turns": [{"content": "one"}]}]});
    for second in [
        json!({"uid": "v", "messages": [{"role": "user", "content": "ask v"}, {"role": "assistant", "content": {"answer": "two"}}]}),
        json!({"instruction": "ask v", "output": "two", "generator": "g"}),
        json!({"id": "v", "text": "two"}),
    ] {
        let pairs = read(&[first.clone(), second]).unwrap();
        let found: Vec<&str> = pairs.iter().map(|pair| pair.baseline.as_str()).collect();
        assert_eq!(found, ["one", "two"]);
        assert_eq!(pairs[1].question, "ask v");
    }
    let error = read(&[first]).unwrap_err().to_string();
    assert!(
        error.contains("baseline.jsonl: no answer to \"v\""),
        "{error}"
    );
    assert!(
        read(&[json!({"uid": "u", "judge": 1})])
            .unwrap_err()
            .to_string()
            .contains("row 1")
    );
}

#[test]
fn samples_have_seeds_and_ids_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sdft")).unwrap();
    let rows = r#"[{"instruction": "a", "output": "1"}, {"instruction": "b", "output": "2"}]"#;
    fs::write(folder.path().join("sdft/multiarith_test.json"), rows).unwrap();
    let items = Task::Multiarith.read(folder.path(), 0).unwrap();
    let draw = Draw {
        temperature: 0.8,
        top_p: 0.95,
        seed: 7,
    };
    let all = sampled(&items, 3, draw);
    let ids: Vec<String> = all.iter().map(|item| item.id.to_string()).collect();
    assert_eq!(ids[..4], ["\"0#0\"", "\"0#1\"", "\"0#2\"", "\"1#0\""]);
    let seed = |ask: &Ask| match ask {
        Ask::Generate { draw, .. } => draw.unwrap().seed,
        Ask::Choose(_) => panic!("text"),
    };
    let mut seeds: Vec<u64> = all.iter().map(|item| seed(&item.ask)).collect();
    assert_eq!(
        seeds,
        sampled(&items, 3, draw)
            .iter()
            .map(|item| seed(&item.ask))
            .collect::<Vec<_>>()
    );
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 6);
}
