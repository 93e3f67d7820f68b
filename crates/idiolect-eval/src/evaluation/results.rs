//! The files of an evaluation's results: a row for each item, and the summary.

use std::collections::BTreeMap;
use std::path::Path;

use idiolect_completion::WriterIdentity;
use idiolect_data::{RunDir, write_json, write_lines};
use serde_json::{Map, Value, json};

use crate::answer::{Answer, ItemAnswer};
use crate::error::EvalError;
use crate::evaluation::settings::INTERVAL;
use crate::judged::{Dialogue, JudgedScores, MtBench};
use crate::summary::EvalSummary;

/// One row of the results.
pub(crate) type ResultRow = Map<String, Value>;

/// One row for each item: its id, its scores and the answer.
pub(crate) fn item_rows(rows: &[ItemAnswer], summary: &EvalSummary) -> Vec<ResultRow> {
    let line = |(row, scores): (&ItemAnswer, &BTreeMap<String, f64>)| {
        let mut out = scored(row.id.clone(), scores);
        let answer = match &row.answer {
            Answer::Text(text) => ("text", json!(text)),
            Answer::Likelihoods(all) => ("likelihoods", json!(all)),
        };
        out.insert(answer.0.into(), answer.1);
        out
    };
    rows.iter().zip(&summary.rows).map(line).collect()
}

/// One row for each question of MT-bench: its scores, and both answers of each run.
pub(crate) fn dialogue_rows(
    bench: &MtBench,
    dialogues: &[Dialogue],
    scores: &[BTreeMap<String, f64>],
) -> Vec<ResultRow> {
    let none = BTreeMap::new();
    let row = |(at, id): (usize, Value)| {
        let mut row = scored(id, scores.get(at).unwrap_or(&none));
        let answers = dialogues.iter().filter(|dialogue| dialogue.question == at);
        let answers: Vec<Value> = answers.map(|dialogue| json!(dialogue.answers)).collect();
        row.insert("answers".into(), answers.into());
        row
    };
    bench.ids().into_iter().enumerate().map(row).collect()
}

fn scored(id: Value, scores: &BTreeMap<String, f64>) -> ResultRow {
    let mut row = Map::from_iter([("id".to_string(), id)]);
    let scores = scores.iter();
    row.extend(scores.map(|(name, value)| (name.clone(), json!(value))));
    row
}

/// What was asked, then what came of it.
pub(crate) fn described(identity: Value, summary: &EvalSummary) -> Value {
    let mut whole = identity;
    whole["items"] = summary.items.into();
    whole["interval"] = INTERVAL.into();
    whole["scores"] = json!(summary.scores);
    if !summary.groups.is_empty() {
        whole["groups"] = json!(summary.groups);
    }
    whole
}

/// As [`described`], with what is said of the judging.
pub(crate) fn judged(identity: Value, judged: &JudgedScores, judge: &WriterIdentity) -> Value {
    let mut whole = described(identity, &judged.summary);
    whole["judge"] = json!({
        "model": judge.model, "judgements": judged.judgements, "unread": judged.unread.len(),
        "unread_ids": judged.unread, "empty_answers": judged.empty,
    });
    whole
}

/// Writes the rows and the summary, and gives the latter.
pub(crate) fn finish(out: &Path, rows: &[ResultRow], whole: Value) -> Result<Value, EvalError> {
    let out = RunDir::from(out);
    write_lines(&out.rows(), rows)?;
    write_json(&out.summary(), &whole)?;
    Ok(whole)
}
