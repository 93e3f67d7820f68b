//! One distillation from outside: what it asks for, writes down, sums up and refuses.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod common;

use std::fs;

use common::{Folder, Scripted, answers, completion, data, math, settings, shown, sums, writer};
use idiolect_completion::{CompletionRequest, FinishReason};
use idiolect_data::{Dataset, Format, Id};
use idiolect_distill::{Change, Check, DistillConfig, RewriteRecord, Shard};
use serde_json::{Value, json};

#[test]
fn a_row_of_the_journal_tells_everything() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 3);
    let distilled = folder.run(&set, &math(), &mut answers(&set)).unwrap();
    let rows = folder.records();
    let prompt_sha256 = rows[2]["prompt_sha256"].as_str().unwrap();
    let expected = json!({
        "id": 2,
        "model": "sha256:m",
        "adapter": null,
        "sampler": {"temperature": 0.95, "top_p": 0.7, "top_k": 50},
        "template": "sdft-2402/main/using",
        "prompt_sha256": prompt_sha256,
        "seed": math().row_seed(&json!(2)),
        "text": "I forgot.",
        "token_count": 9,
        "passes": 5,
        "finish_reason": "stop",
        "verdict": "reject",
        "reason": "different_answer",
        "expected": "4",
        "found": null,
        "replaced": false,
    });
    let mut row = rows[2].clone();
    assert!(row["crc32c"].is_string());
    row.as_object_mut().unwrap().remove("crc32c");
    assert_eq!(row, expected);
    assert_eq!(
        (prompt_sha256.len(), &rows[0]["text"]),
        (64, &json!(" That makes 0.\n"))
    );
    let records: Vec<RewriteRecord> = rows
        .into_iter()
        .map(|r| serde_json::from_value(r).unwrap())
        .collect();
    assert_eq!(records, distilled.records);
    let responses: Vec<_> = distilled
        .set
        .rows
        .iter()
        .map(|row| row.example.response())
        .collect();
    assert_eq!(
        responses,
        [Some("That makes 0."), Some("That makes 2."), Some("4")]
    );
}

#[test]
fn the_summary_counts() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 4);
    let mut writer = writer(|request: &CompletionRequest| {
        let text = ["0", "It is 2.", "my response is 4", "7"][folder.records().len()];
        Ok(idiolect_completion::Completion {
            finish_reason: FinishReason::Length,
            ..completion(&request.id, text)
        })
    });
    let summary = folder.run(&set, &math(), &mut writer).unwrap().summary;
    let path = folder.0.path().join("summary.json");
    summary.write(&path).unwrap();
    let written: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let expected = json!({
        "rows": 4,
        "rewritten": 4,
        "replaced": 2,
        "replaced_share": 0.5,
        "kept": 2,
        "identical": 1,
        "refused": {"banned_phrase": 1, "different_answer": 1},
        "refused_share": {"banned_phrase": 0.25, "different_answer": 0.25},
        "banned_phrases": {"my response": 1},
        "finish_reasons": {"length": 4},
        "tokens": 26,
        "tokens_per_pass": 26.0 / 14.0,
        "length_before": {"words": 1.0, "characters": 1.0},
        "length_after": {"words": 1.5, "characters": 2.75},
    });
    assert_eq!(written, expected);
}

#[test]
fn rows_stand_beside_their_rewrites() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 4);
    let texts = ["0", "It is 2.", "my response is 4", "7"];
    let mut writer = writer(|request: &CompletionRequest| {
        let text = texts[folder.records().len()];
        Ok(completion(&request.id, text))
    });
    let rows = folder.run(&set, &math(), &mut writer).unwrap().side_by_side;
    let changes: Vec<Change> = rows.iter().map(|row| row.change).collect();
    let (same, changed, refused) = (Change::Same, Change::Changed, Change::Refused);
    assert_eq!(changes, [same, changed, refused, refused]);
    let written = serde_json::to_value(&rows[2]).unwrap();
    let expected = json!({
        "id": 2, "prompt": rows[2].prompt, "original": "4", "rewrite": "my response is 4",
        "change": "refused", "verdict": "reject", "reason": "banned_phrase", "phrase": "my response",
    });
    assert_eq!(written, expected);
    assert!(rows[2].prompt.contains("2 + 2"), "{}", rows[2].prompt);
    // A page shows no more than a hundred rows of one kind.
    let folder = Folder::new();
    let set = sums(folder.0.path(), 160);
    let rows = folder
        .run(&set, &math(), &mut answers(&set))
        .unwrap()
        .side_by_side;
    let count = |change| rows.iter().filter(|row| row.change == change).count();
    assert_eq!((count(changed), count(refused)), (100, 53));
}

#[test]
fn only_the_last_response_of_a_conversation_is_rewritten_in_its_own_format() {
    let folder = Folder::new();
    let turns = |last: &str| {
        json!({"conversations": [
            {"from": "system", "value": " s "}, {"from": "human", "value": "q1"},
            {"from": "gpt", "value": "a1"}, {"from": "human", "value": "q2"},
            {"from": "gpt", "value": last}], "source": "x"})
    };
    let set = data(folder.0.path(), Format::Sharegpt, &[turns("a2")]);
    let mut writer = writer(|request: &CompletionRequest| {
        let prompt = shown(request);
        assert!(prompt.contains("a1") && prompt.contains("a2"), "{prompt}");
        Ok(completion(&request.id, "b"))
    });
    let distilled = folder.run(&set, &settings(), &mut writer).unwrap();
    assert_eq!(Value::from(distilled.set.rows[0].raw.clone()), turns("b"));
}

#[test]
fn rewrites_and_rows_belong_together_one_to_one() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 3);
    let mut silent = Scripted::new([(json!(0), "0".to_owned())]);
    assert_eq!(
        folder.refusal(&set, &math(), &mut silent),
        "the writer: 2 texts missing, 0 that nobody asked for, 0 repeated (ids \"row 1\", 2)",
    );
    let mut inventive = writer(|request: &CompletionRequest| {
        Ok(completion(&Id::from(format!("{}", request.id)), "x"))
    });
    let refusal = folder.refusal(&set, &math(), &mut inventive);
    assert!(
        refusal.starts_with("the writer: 0 texts missing, 1 that nobody asked for"),
        "{refusal}"
    );
    let mut stuck = writer(|_: &CompletionRequest| Ok(completion(&json!(2), "x")));
    let refusal = folder.refusal(&set, &math(), &mut stuck);
    assert!(
        refusal.contains("0 that nobody asked for, 1 repeated (ids 2)"),
        "{refusal}"
    );
    let less = Dataset {
        rows: set.rows[..1].to_vec(),
        ..set
    };
    let refusal = folder.refusal(&less, &math(), &mut stuck);
    assert_eq!(
        refusal,
        "journal.jsonl: 0 texts missing, 1 that nobody asked for, 0 repeated (ids 2)"
    );
}

#[test]
fn bad_rows_are_refused_before_anything_is_written() {
    let folder = Folder::new();
    let refusal = |rows: &[Value], check: Check| {
        let set = data(folder.0.path(), Format::Alpaca, rows);
        let refusal = folder.refusal(
            &set,
            &DistillConfig {
                check: check.into(),
                ..settings()
            },
            &mut Scripted::default(),
        );
        assert!(!folder.journal().exists());
        refusal
    };
    let good = json!({"instruction": "q", "output": "f(a=1)", "id": "x"});
    assert_eq!(
        refusal(&[good.clone(), json!({"instruction": "q"})], Check::Text),
        "data.json: row 1 (line 1): output: expected a response, found none among instruction",
    );
    assert_eq!(
        refusal(&[good.clone(), good.clone()], Check::Text),
        "data.json: rows 0 and 1 have the same id \"x\"",
    );
    let text = refusal(
        &[good, json!({"instruction": "q", "output": "hello"})],
        Check::Call,
    );
    assert!(text.starts_with("data.json: id 1: response: "), "{text}");
}

#[test]
fn without_a_reference_the_model_answers_alone_and_empty_rows_go() {
    let folder = Folder::new();
    let rows = [
        serde_json::json!({"instruction": "Name a color.", "input": "a warm one"}),
        serde_json::json!({"instruction": "Say nothing.", "output": "No."}),
        serde_json::json!({"instruction": "Name a dog.", "output": "Rex"}),
    ];
    let set = common::data(folder.0.path(), idiolect_data::Format::Alpaca, &rows);
    let mut shown = Vec::new();
    let mut writer = common::writer(|request: &CompletionRequest| {
        shown.push(common::shown(request));
        let text = ["Red", " \n", "Bello"][shown.len() - 1];
        Ok(idiolect_completion::Completion {
            passes: None,
            ..completion(&request.id, text)
        })
    });
    let journal = folder.journal();
    let settings = common::settings();
    let answered =
        idiolect_distill::answer_unaided(&set, &settings, Shard::WHOLE, &mut writer, &journal)
            .unwrap();
    let left = answered.set.rows.iter();
    let left: Vec<_> = left
        .map(|row| (row.example.id.clone(), row.example.response()))
        .collect();
    assert_eq!(left, [(0.into(), Some("Red")), (2.into(), Some("Bello"))]);
    assert_eq!(
        (answered.summary.replaced, answered.summary.refused["empty"]),
        (2, 1)
    );
    assert!(shown[0].ends_with("### Instruction:\nName a color.\na warm one\n\n### Response:\n"));
    assert!(!shown[2].contains("Rex"), "{}", shown[2]);
    assert_eq!(folder.records()[0]["template"], "unaided");
}

/// Where it is asked for, the journal holds what the writer was shown; a run resumes with or without.
#[test]
fn prompts_are_shown_before_and_kept_in_the_journal() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 3);
    let keep = DistillConfig {
        keep_prompts: true,
        ..math()
    };
    let before = keep.prompts(&set, 2).unwrap();
    assert_eq!(before.len(), 2);
    assert!(
        before[1].1.contains("### Reference Answer:\n2\n"),
        "{before:?}"
    );
    folder.run(&set, &keep, &mut answers(&set)).unwrap();
    let rows = folder.records();
    for (row, (id, prompt)) in rows.iter().zip(&before) {
        assert_eq!(
            (&row["id"], row["prompt"].as_str()),
            (id, Some(prompt.as_str()))
        );
        assert_eq!(row["prompt_sha256"], idiolect_data::text_hash(prompt));
    }
    let mut nobody = Scripted::default();
    folder.run(&set, &math(), &mut nobody).unwrap();
    assert_eq!(folder.records(), rows);
}
