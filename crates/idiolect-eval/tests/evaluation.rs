//! The whole job over a scripted model: the files of its results, word for word, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests end them, and say what is skipped"
)]

mod common;

use std::fs;
use std::path::Path;

use common::mt_bench;
use idiolect_completion::{
    BoxError, Completion, CompletionRequest, Likelihood, LikelihoodRequest, Prompt, Quiet, Scorer,
    Writer, WriterAddress, WriterFn, WriterIdentity,
};
use idiolect_eval::{
    EvalError, EvalRun, EvalSettings, EvaluatedModel, JudgeOpener, JudgeSettings, evaluate,
};
use serde_json::{Value, json};

/// Writes what stands in the request, and likes the first choice.
struct Model;

impl Writer for Model {
    fn identity(&self) -> WriterIdentity {
        WriterIdentity::named("model")
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        for request in requests.iter().filter(|request| !request.done) {
            let text = match &request.prompt {
                Prompt::Chat(turns) => turns.last().unwrap().content.clone(),
                // One seed in two completes the program.
                _ if request.seed % 2 == 0 => "1".to_owned(),
                _ => "0".to_owned(),
            };
            let most = request.overrides.max_new_tokens.unwrap();
            on_done(Completion::new(
                request.id.clone(),
                text.chars().take(most).collect::<String>(),
            ))?;
        }
        Ok(())
    }
}

impl Scorer for Model {
    fn likelihoods(
        &mut self,
        questions: &[&[LikelihoodRequest]],
    ) -> Result<Vec<Vec<Likelihood>>, BoxError> {
        let values = |all: &&[LikelihoodRequest]| {
            let value = |at: usize| Likelihood {
                log_likelihood: -0.5 - at as f64,
                greedy: at == 0,
            };
            (0..all.len()).map(value).collect()
        };
        Ok(questions.iter().map(values).collect())
    }
}

/// A judge that is opened when it is wanted.
#[derive(Default)]
struct Opener {
    wanted: Option<JudgeSettings>,
    judge: Option<Box<dyn Writer>>,
}

impl JudgeOpener for Opener {
    fn open(&mut self, settings: &JudgeSettings) -> Result<&mut dyn Writer, BoxError> {
        self.wanted = Some(settings.clone());
        let judge = WriterFn::new(WriterIdentity::named("j"), |request: &CompletionRequest| {
            let Prompt::Chat(turns) = &request.prompt else {
                return Err("a chat".into());
            };
            let text = match &turns.last().unwrap().content {
                text if text.contains("Assistant A's Answer|>\nbase") => "[[B>>A]]",
                text if text.contains("Assistant B's Answer|>\nbase") => "[[A=B]]",
                text if text.contains("q1") => "none",
                _ => "[[8]]",
            };
            Ok(Completion::new(request.id.clone(), text))
        });
        let judge = self.judge.insert(Box::new(judge));
        Ok(judge.as_mut())
    }
}

fn identity() -> EvaluatedModel {
    EvaluatedModel {
        name: "tiny".into(),
        model_hash: "abc".into(),
        adapter_hash: None,
        template: None,
        dtype: "F32".into(),
    }
}

fn ask(
    settings: &EvalSettings,
    out: &Path,
    judge: Option<&mut dyn JudgeOpener>,
) -> Result<Value, EvalError> {
    let model = identity();
    let run = EvalRun {
        model: &model,
        judge,
        progress: &Quiet,
        out,
    };
    evaluate(settings, &mut Model, run)
}

fn settings(task: &str, data: &Path) -> EvalSettings {
    EvalSettings {
        task: task.into(),
        data: data.into(),
        ..EvalSettings::default()
    }
}

fn data(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

const SUMS: &str = r#"[{"instruction": "3", "output": "It is 3"}, {"instruction": "4", "output": "It is 5"}, {"instruction": "6", "output": "6"}]"#;

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
    assert_eq!(
        journal.lines().next().unwrap(),
        first.replace("9f2d", &hash)
    );
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

const BASELINE: &str =
    "{\"id\": \"u\", \"text\": \"base u\"}\n{\"id\": \"v\", \"text\": \"base v\"}";

/// Two questions of Arena-Hard and a baseline's answers.
fn arena_hard() -> (tempfile::TempDir, EvalSettings) {
    let questions =
        "{\"uid\": \"u\", \"prompt\": \"Say u.\"}\n{\"uid\": \"v\", \"prompt\": \"Say v.\"}";
    let data = data(&[
        ("arena_hard/question_v0.1.jsonl", questions),
        ("baseline.jsonl", BASELINE),
    ]);
    let settings = settings("arena-hard", data.path());
    (data, settings)
}

#[test]
fn arena_hard_is_compared_by_a_judge_that_is_opened_late() {
    let (data, mut settings) = arena_hard();
    let out = data.path().join("out");
    // The answers alone first, a judge later.
    let alone = ask(&settings, &out, None).unwrap();
    assert_eq!((&alone["items"], &alone["scores"]), (&json!(2), &json!({})));
    settings.judge = Some(WriterAddress::Local("m".into()));
    settings.baseline = Some(data.path().join("baseline.jsonl"));
    let nobody = ask(&settings, &out, None).unwrap_err().to_string();
    assert!(
        nobody.starts_with("judge: expected somebody who opens it"),
        "{nobody}"
    );
    let mut opener = Opener::default();
    let summary = ask(&settings, &out, Some(&mut opener)).unwrap();
    let wanted = opener.wanted.unwrap();
    assert_eq!(
        (wanted.max_new_tokens, wanted.batch_size, wanted.seed),
        (4096, 8, 42)
    );
    assert_eq!(wanted.address, settings.judge);
    // Three games are won where the baseline stands first, one is half won where it stands second.
    assert_eq!(summary["scores"]["win"]["mean"], json!(0.875));
    let judge = json!({"model": "j", "judgements": 4, "unread": 0, "unread_ids": [], "empty_answers": 0, "baseline": "baseline.jsonl"});
    assert_eq!(summary["judge"].to_string(), judge.to_string());
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert!(read("rows.jsonl").starts_with("{\"id\":\"u\",\"win\":0.875,\"text\":\"Say u.\"}\n"));
    let claimed: Value = serde_json::from_str(&read("judge.json")).unwrap();
    let hash = idiolect_data::text_hash(&format!("baseline.jsonl{BASELINE}"));
    let expected =
        json!({"judge": {"model": "j", "adapter": null, "sampler": null}, "baseline_hash": hash});
    assert_eq!(claimed.to_string(), expected.to_string());
}

/// The rows of version 0.1: the id, SHA-256 of the turns as JSON, and the text.
#[test]
fn judgements_are_journaled_as_ever() {
    let (data, mut settings) = arena_hard();
    settings.baseline = Some(data.path().join("baseline.jsonl"));
    let journal = data.path().join("out/journal/judgements.jsonl");
    fs::create_dir_all(journal.parent().unwrap()).unwrap();
    let [system, user] = ["arena_hard_system.txt", "arena_hard_user.txt"].map(|name| {
        let prompts = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts");
        let text = fs::read_to_string(prompts.join(name)).unwrap();
        text.trim_end().to_owned()
    });
    let user = user
        .replace("{question}", "Say u.")
        .replace("{answer_1}", "base u")
        .replace("{answer_2}", "Say u.");
    let turns = format!(
        r#"[{{"role":"system","content":{}}},{{"role":"user","content":{}}}]"#,
        json!(system),
        json!(user)
    );
    let hash = idiolect_data::text_hash(&turns);
    let row = format!(r#"{{"id":"u/second","request":"{hash}","text":"[[A>>B]]"}}"#);
    fs::write(&journal, format!("{row}\n")).unwrap();
    let out = data.path().join("out");
    let summary = ask(&settings, &out, Some(&mut Opener::default())).unwrap();
    // It was not asked again: the first game of u is lost three times over.
    assert_eq!(summary["scores"]["win"]["mean"], json!(0.5));
    let text = fs::read_to_string(&journal).unwrap();
    assert!(text.starts_with(&format!("{row}\n")), "{text}");
    assert_eq!(text.lines().count(), 4);
    fs::write(&journal, format!("{}\n", row.replace(&hash, "0"))).unwrap();
    let error = ask(&settings, &out, Some(&mut Opener::default())).unwrap_err();
    assert!(matches!(error, EvalError::Journal { .. }), "{error}");
}

#[test]
fn judgements_against_another_baseline_are_refused() {
    let (data, mut settings) = arena_hard();
    let baseline = data.path().join("baseline.jsonl");
    settings.baseline = Some(baseline.clone());
    let compare = |out: &str| {
        let out = data.path().join(out);
        ask(&settings, &out, Some(&mut Opener::default()))
    };
    compare("out").unwrap();
    fs::write(&baseline, BASELINE.replace("base", "Base")).unwrap();
    let error = compare("out").unwrap_err().to_string();
    assert!(error.contains("judge.json: baseline_hash"), "{error}");
    fs::write(&baseline, BASELINE.lines().next().unwrap()).unwrap();
    let error = compare("short").unwrap_err().to_string();
    assert!(
        error.contains("baseline.jsonl: no answer to \"v\""),
        "{error}"
    );
}

#[test]
fn alpaca_eval_writes_outputs_and_compares_with_those_of_its_data() {
    let rows = r#"[{"instruction": "Say red.", "output": "red"}, {"instruction": "Say blue.", "output": "Say blue."}]"#;
    let data = data(&[("sdft/alpaca_eval.json", rows)]);
    let out = data.path().join("out");
    let mut judge = WriterFn::new(WriterIdentity::named("j"), |request: &CompletionRequest| {
        let text = "[{'model': 'model_1', 'rank': 1}, {'model': 'model_2', 'rank': 2}]";
        Ok(Completion::new(request.id.clone(), text))
    });
    // A judge that is open already.
    let summary = ask(
        &settings("alpaca_eval", data.path()),
        &out,
        Some(&mut judge),
    )
    .unwrap();
    // Equal outputs are half a win and no question to the judge.
    assert_eq!(summary["judge"]["judgements"], json!(1));
    let outputs: Value =
        serde_json::from_str(&fs::read_to_string(out.join("outputs.json")).unwrap()).unwrap();
    let expected = json!({"instruction": "Say red.", "output": "Say red.", "generator": "tiny"});
    assert_eq!(outputs[0], expected);
    let claimed = fs::read_to_string(out.join("judge.json")).unwrap();
    assert!(claimed.contains("\"order_seed\": 42"), "{claimed}");
}

#[test]
fn mt_bench_is_rated_in_every_run() {
    let folder = tempfile::tempdir().unwrap();
    mt_bench(folder.path());
    let out = folder.path().join("out");
    let mut settings = settings("mt_bench", folder.path());
    settings.limit = Some(2);
    settings.runs = Some(2);
    let alone = ask(&settings, &out, None).unwrap();
    assert_eq!(
        (&alone["items"], &alone["scores"]),
        (&json!(2), &Value::Null)
    );
    assert_eq!((&alone["runs"], &alone["seed"]), (&json!(2), &json!(42)));
    let answers = fs::read_to_string(out.join("journal/turn-2.jsonl")).unwrap();
    let mut opener = Opener::default();
    let summary = ask(&settings, &out, Some(&mut opener)).unwrap();
    assert_eq!(opener.wanted.unwrap().max_new_tokens, 2048);
    assert_eq!(
        fs::read_to_string(out.join("journal/turn-2.jsonl")).unwrap(),
        answers
    );
    assert_eq!(summary["scores"]["score"]["mean"], json!(8.0));
    assert_eq!(summary["run_scores"], json!([8.0, 8.0]));
    assert_eq!(
        (&summary["judge"]["judgements"], &summary["judge"]["unread"]),
        (&json!(8), &json!(2))
    );
    let rows = fs::read_to_string(out.join("rows.jsonl")).unwrap();
    let first: Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
    assert_eq!((&first["id"], &first["turn_1"]), (&json!(81), &json!(8.0)));
    assert_eq!(first["answers"].as_array().unwrap().len(), 2);
    let second: Value = serde_json::from_str(rows.lines().nth(1).unwrap()).unwrap();
    // What the judge said of its first turn cannot be read.
    assert_eq!(
        (second.get("turn_1"), &second["turn_2"]),
        (None, &json!(8.0))
    );
}

/// A judge whose key is not there.
struct Locked;

impl JudgeOpener for Locked {
    fn open(&mut self, _: &JudgeSettings) -> Result<&mut dyn Writer, BoxError> {
        Err("no key".into())
    }
}

#[test]
fn a_judge_that_cannot_be_opened_ends_it_before_the_first_answer() {
    let (data, mut settings) = arena_hard();
    settings.baseline = Some(data.path().join("baseline.jsonl"));
    let out = data.path().join("out");
    let error = ask(&settings, &out, Some(&mut Locked)).unwrap_err();
    assert!(matches!(error, EvalError::OpenJudge { .. }), "{error}");
    assert!(!out.join("journal/answers.jsonl").exists());
}

#[test]
fn a_judge_without_use_is_refused_before_anything_is_written() {
    let data = data(&[("sdft/multiarith_test.json", SUMS)]);
    let out = data.path().join("out");
    let error = ask(
        &settings("multiarith", data.path()),
        &out,
        Some(&mut Opener::default()),
    );
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("judge: expected nothing for this task"),
        "{error}"
    );
    assert!(!out.exists());
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
            eprintln!("skipped: {reason}");
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
