//! Scores from judgements as the benchmarks compute them, and the journal of a scripted judge.

#![allow(clippy::unwrap_used, reason = "helpers of tests end them")]

mod common;

use std::collections::HashSet;
use std::fs;

use common::{DRAWS, completion, mt_bench};
use idiolect_completion::{
    BoxError, Completion, CompletionRequest, Prompt, WriterFn, WriterIdentity,
};
use idiolect_eval::{AnswerPair, Dialogue, EvalError, MtBench, PairwiseJudging, judge_all};
use serde_json::{Value, json};

fn turns(request: &CompletionRequest) -> &[idiolect_data::Message] {
    match &request.prompt {
        Prompt::Chat(turns) => turns,
        _ => &[],
    }
}

/// A function of the judge's question as a judge.
fn judge(
    mut text: impl FnMut(&str) -> Result<String, BoxError>,
) -> WriterFn<impl FnMut(&CompletionRequest) -> Result<Completion, BoxError>> {
    WriterFn::new(
        WriterIdentity::named("judge"),
        move |request: &CompletionRequest| {
            Ok(completion(request, text(&turns(request)[1].content)?))
        },
    )
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
fn means_of_ratings_are_those_of_fastchat() {
    let folder = tempfile::tempdir().unwrap();
    mt_bench(folder.path());
    let bench = MtBench::read(folder.path(), None, 2).unwrap();
    let dialogues: Vec<Dialogue> = (0..12)
        .map(|at| Dialogue {
            question: at / 2,
            run: at % 2,
            answers: ["a".into(), if at == 3 { String::new() } else { "b".into() }],
        })
        .collect();
    let golden = &golden()["mt_bench"];
    let judged = bench.summarize(&dialogues, &texts(golden), &DRAWS);
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
    let none = bench.summarize(&dialogues, &vec!["no idea".to_owned(); 24], &DRAWS);
    assert!(none.summary.scores.is_empty() && none.unread.len() == 24);
    let other = [(6, 0), (0, 2)].map(|(question, run)| Dialogue {
        question,
        run,
        answers: ["a".into(), "b".into()],
    });
    assert!(bench.requests(&other).is_empty());
    let nothing = bench.summarize(&other, &vec!["[[5]]".to_owned(); 4], &DRAWS);
    assert_eq!((nothing.judgements, nothing.summary.scores.len()), (0, 0));
}

fn pairs(equal: impl Fn(usize) -> bool) -> Vec<AnswerPair> {
    let pair = |at: usize| AnswerPair {
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
    let requests = PairwiseJudging::ArenaHard.requests(&pairs);
    assert_eq!(requests.len(), 24);
    let shown: Vec<&str> = requests
        .iter()
        .map(|one| turns(one)[1].content.as_str())
        .collect();
    assert!(
        shown[0].starts_with("<|User Prompt|>\nq0\n\n<|The Start of Assistant A's Answer|>\nb\n")
    );
    assert!(
        shown[1].contains("Assistant A's Answer|>\nm\n")
            && shown[1].ends_with("<|The End of Assistant B's Answer|>")
    );
    let judged = PairwiseJudging::ArenaHard.summarize(&pairs, &texts(golden), &DRAWS);
    close(judged.summary.scores["win"].mean, &golden["win"]);
    assert_eq!(json!(judged.unread.len()), golden["unread"]);
}

#[test]
fn wins_of_alpaca_eval_are_those_of_its_preferences() {
    let pairs = pairs(|at| at % 3 == 0);
    let golden = &golden()["alpaca_eval"];
    let judging = PairwiseJudging::AlpacaEval(3);
    let requests = judging.requests(&pairs);
    assert_eq!(requests.len(), 8);
    let mut orders = [0, 0];
    let answer = |request: &CompletionRequest| {
        let id = request.id.as_str().unwrap();
        let (pair, place) = id.split_once('/').unwrap();
        let first = turns(request)[1]
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
    let judged = judging.summarize(&pairs, &judgements, &DRAWS);
    close(judged.summary.scores["win"].mean, &golden["win"]);
    assert_eq!(json!(judged.unread.len()), golden["unread"]);
    assert_eq!(judged.summary.rows.len(), 12);
}

fn ids(requests: &[CompletionRequest]) -> HashSet<String> {
    let id = |request: &CompletionRequest| request.id.as_str().unwrap().to_owned();
    requests.iter().map(id).collect()
}

#[test]
fn judgements_that_the_task_has_not_or_that_stand_twice_are_refused_by_their_ids() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("judgements.jsonl");
    let requests = PairwiseJudging::ArenaHard.requests(&pairs(|_| false));
    let mut patient = judge(|_| Ok("[[A>B]]".to_owned()));
    judge_all(requests.clone(), &ids(&requests), &mut patient, &path).unwrap();
    let mut told = |known| {
        let error = judge_all(requests[..3].to_vec(), &known, &mut patient, &path).unwrap_err();
        assert!(matches!(error, EvalError::JournalIds(_)), "{error}");
        error.to_string()
    };
    assert!(told(ids(&requests[..23])).ends_with(
        "judgements.jsonl: 0 texts missing, 1 that nobody asked for, 0 repeated (ids \"11/first\")"
    ));
    let rows = fs::read_to_string(&path).unwrap();
    let first = rows.split_inclusive('\n').next().unwrap();
    fs::write(&path, format!("{rows}{first}")).unwrap();
    assert!(told(ids(&requests)).ends_with("1 repeated (ids \"0/second\")"));
    fs::write(&path, rows.replacen("A>B", "B>A", 1)).unwrap();
    let error = judge_all(requests.clone(), &ids(&requests), &mut patient, &path).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("judgements.jsonl: line 1: crc32c: expected "),
        "{error}"
    );
}

#[test]
fn judgements_are_journaled_and_belong_to_their_question() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("judgements.jsonl");
    let requests = PairwiseJudging::ArenaHard.requests(&pairs(|_| false));
    let known = ids(&requests);
    let mut left = 5;
    let mut cut_off = judge(|question| {
        left -= 1;
        if left < 0 {
            return Err("the line is dead".into());
        }
        Ok(format!("{} long", question.len()))
    });
    let cut = judge_all(requests.clone(), &known, &mut cut_off, &path);
    assert!(matches!(cut, Err(EvalError::Judge { .. })));
    let mut asked = 0;
    let mut patient = judge(|question| {
        asked += 1;
        Ok(format!("{} long", question.len()))
    });
    let whole = judge_all(requests.clone(), &known, &mut patient, &path).unwrap();
    drop(patient);
    assert_eq!((whole.len(), asked), (24, 19));
    let mut none = judge(|_| Err("nobody".into()));
    assert_eq!(
        judge_all(requests.clone(), &known, &mut none, &path).unwrap(),
        whole
    );
    assert_eq!(
        judge_all(requests[..3].to_vec(), &known, &mut none, &path).unwrap(),
        whole[..3]
    );
    let mut changed = requests;
    let mut other = turns(&changed[2]).to_vec();
    other[1].content.push('!');
    changed[2].prompt = Prompt::Chat(other);
    let error = judge_all(changed, &known, &mut none, &path).unwrap_err();
    assert!(matches!(error, EvalError::Journal { .. }), "{error}");
}
