//! What MT-bench is made of, read from its files: questions, reference answers, the judge's prompts.
//!
//! Source of the numbers: lm-sys/FastChat 0.2.36 `llm_judge/common.py`.

use std::collections::BTreeMap;
use std::path::Path;

use idiolect_data::Id;

use crate::error::EvalError;
use crate::item::name_of;
use crate::sources::found;
use crate::tasks::{TaskRow, rows};

/// Its files below the data folder: questions, reference answers and the judge's prompts.
pub(crate) const QUESTIONS: &str = "mtbench/mt_bench_question.jsonl";
const REFERENCES: &str = "mtbench/mt_bench_reference_answer_gpt-4.jsonl";
const PROMPTS: &str = "mtbench/judge_prompts.jsonl";
/// Kinds of questions that are rated beside a reference answer.
const WITH_REFERENCE: [&str; 3] = ["math", "reasoning", "coding"];
/// What each kind of question is drawn at; 0 is greedy, and kinds that are not named have the first.
const TEMPERATURES: [(&str, f32); 8] = [
    ("writing", 0.7),
    ("roleplay", 0.7),
    ("extraction", 0.0),
    ("math", 0.0),
    ("coding", 0.0),
    ("reasoning", 0.0),
    ("stem", 0.1),
    ("humanities", 0.1),
];
/// Prompts of the judge: first and second turn, without and with a reference.
const FORMS: [&str; 4] = [
    "single-v1",
    "single-v1-multi-turn",
    "single-math-v1",
    "single-math-v1-multi-turn",
];

pub(crate) struct Question {
    pub(crate) id: Id,
    /// Its category.
    pub(crate) kind: String,
    pub(crate) turns: [String; 2],
    /// The reference answers, where its kind is rated beside them.
    pub(crate) reference: Option<[String; 2]>,
}

impl Question {
    pub(crate) fn temperature(&self) -> f32 {
        let found = TEMPERATURES.iter().find(|(kind, _)| *kind == self.kind);
        found.unwrap_or(&TEMPERATURES[0]).1
    }

    /// As it stands in ids of texts: numbers bare, texts without quotes.
    pub(crate) fn name(&self) -> String {
        name_of(&self.id)
    }
}

/// The questions of a file.
pub(crate) struct Questions {
    /// Those that are asked, and behind them those that a limit leaves out, up to the first that is none.
    pub(crate) all: Vec<Question>,
    /// How many are asked.
    pub(crate) asked: usize,
}

/// The questions of a file, of which the first `limit` or all are asked, with the reference answers of the data folder.
pub(crate) fn questions(
    path: &Path,
    data: &Path,
    limit: Option<usize>,
) -> Result<Questions, EvalError> {
    let references = references(&found(data, Path::new(REFERENCES), "")?)?;
    let found = rows(path)?;
    let asked = limit.unwrap_or(found.len()).min(found.len());
    let (first, beyond) = found.split_at(asked);
    let first = first.iter().map(|row| question(row, &references));
    let mut all = first.collect::<Result<Vec<_>, _>>()?;
    let beyond = beyond
        .iter()
        .map_while(|row| question(row, &references).ok());
    all.extend(beyond);
    Ok(Questions { all, asked })
}

fn question(
    row: &TaskRow,
    references: &BTreeMap<String, [String; 2]>,
) -> Result<Question, EvalError> {
    let id = row.fields.get("question_id").cloned();
    let id = id.ok_or_else(|| row.wrong("question_id", "a number"))?;
    let kind = row.text("category")?;
    let reference = references.get(&id.to_string()).cloned();
    let needed = WITH_REFERENCE.contains(&kind.as_str());
    if needed && reference.is_none() {
        return Err(row.wrong("question_id", "that of a reference answer"));
    }
    Ok(Question {
        id,
        turns: pair(&row.texts("turns")?).ok_or_else(|| row.wrong("turns", "two texts"))?,
        reference: reference.filter(|_| needed),
        kind,
    })
}

fn pair(texts: &[String]) -> Option<[String; 2]> {
    texts.to_vec().try_into().ok()
}

/// The reference answers of both turns by the question's id.
fn references(path: &Path) -> Result<BTreeMap<String, [String; 2]>, EvalError> {
    let mut found = BTreeMap::new();
    for row in rows(path)? {
        let turns = row
            .fields
            .get("choices")
            .and_then(|all| all.get(0)?.get("turns"));
        let turns =
            turns.and_then(|turns| serde_json::from_value::<Vec<String>>(turns.clone()).ok());
        let turns = turns.and_then(|turns| pair(&turns));
        let turns = turns.ok_or_else(|| row.wrong("choices", "turns with two texts"))?;
        let id = row.fields.get("question_id").map(ToString::to_string);
        found.insert(
            id.ok_or_else(|| row.wrong("question_id", "a number"))?,
            turns,
        );
    }
    Ok(found)
}

/// System and user part of each of [`FORMS`].
pub(crate) fn forms(data: &Path) -> Result<Vec<(String, String)>, EvalError> {
    let path = found(data, Path::new(PROMPTS), "")?;
    let found = rows(&path)?;
    let form = |name: &&str| {
        let named = |row: &&TaskRow| row.text("name").is_ok_and(|found| found == **name);
        let row = found.iter().find(named).ok_or_else(|| EvalError::File {
            path: path.clone(),
            reason: format!("no prompt is named {name}"),
        })?;
        Ok((row.text("system_prompt")?, row.text("prompt_template")?))
    };
    FORMS.iter().map(form).collect()
}
