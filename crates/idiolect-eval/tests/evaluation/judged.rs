//! Tasks that a judge rates or compares: its journal, its results, and a judge that cannot be had.

use std::fs;
use std::path::Path;

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, Writer, WriterAddress, WriterFn, WriterIdentity,
};
use idiolect_eval::{EvalError, EvalSettings, JudgeOpener, JudgeSettings};
use serde_json::{Value, json};

use crate::common::mt_bench;
use crate::model::{Opener, SUMS, ask, data, settings};

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
