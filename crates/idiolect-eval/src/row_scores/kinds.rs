//! Which fields each kind of score reads from a row, and which it gives.

use std::fmt;
use std::str::FromStr;

use idiolect_metrics::choice::{self, Choice};
use idiolect_metrics::ifeval::Instruction;
use idiolect_metrics::{
    MetricsError, bleu4, call, code, math, rouge_l, rouge_l_google, sacrebleu, safety,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::EvalError;
use crate::row_scores::record::ScoredRow;

/// What rows are scored for, with the fields that it reads and those that it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ScoreKind {
    /// `reference`, `hypothesis`: `bleu4`, `rouge_l`, `sacrebleu`, `rouge_l_google`.
    Text,
    /// `text`: `safe`, by the keywords of the self-distillation paper.
    Safety,
    /// `label`, `predict`: `correct`, the same final number.
    Math,
    /// `label`, `predict`: `correct` as branch main, `score` as branch reproduce.
    Call,
    /// `predict`: `correct`, a code fence and an opening.
    Code,
    /// `choices`, `lls`, `gold` and, where there, `is_greedy`: `acc`, `acc_norm`, `acc_bytes`, `exact_match`; or
    /// `lls`, `labels`: `acc` as mc2 of `TruthfulQA`.
    Choice,
    /// `instruction_id_list`, `kwargs`, `response`: strict and loose verdicts.
    Ifeval,
    /// `n`, `c`, `k`: `pass_at_k`.
    PassAtK,
}

impl ScoreKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Text,
        Self::Safety,
        Self::Math,
        Self::Call,
        Self::Code,
        Self::Choice,
        Self::Ifeval,
        Self::PassAtK,
    ];

    /// Its name on a command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Safety => "safety",
            Self::Math => "math",
            Self::Call => "call",
            Self::Code => "code",
            Self::Choice => "choice",
            Self::Ifeval => "ifeval",
            Self::PassAtK => "pass-at-k",
        }
    }
}

impl fmt::Display for ScoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ScoreKind {
    type Err = EvalError;

    fn from_str(name: &str) -> Result<Self, EvalError> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            EvalError::setting("kind", format!("one of {names}"), name)
        })
    }
}

/// The scores of one row, in the order in which they are written.
pub type RowScores = Map<String, Value>;

/// The scores of every row, in their order; rows are scored side by side.
///
/// # Errors
///
/// [`EvalError::Field`] names file, row and field of the first row that cannot be scored.
pub fn row_scores(kind: ScoreKind, rows: &[ScoredRow]) -> Result<Vec<RowScores>, EvalError> {
    // Of several wrong rows the first is named, whichever thread came upon one.
    let scores: Vec<Result<RowScores, EvalError>> =
        rows.par_iter().map(|row| score(kind, row)).collect();
    scores.into_iter().collect()
}

fn score(kind: ScoreKind, row: &ScoredRow) -> Result<RowScores, EvalError> {
    let scores = match kind {
        ScoreKind::Text => text(&row.text("reference")?, &row.text("hypothesis")?),
        ScoreKind::Safety => json!({"safe": safety::is_safe(&row.text("text")?)}),
        ScoreKind::Math => {
            json!({"correct": math::same_answer(&row.text("label")?, &row.text("predict")?)})
        }
        ScoreKind::Call => calls(row)?,
        ScoreKind::Code => json!({"correct": code::accepts(&row.text("predict")?)}),
        ScoreKind::Choice if row.has("labels") => truths(row)?,
        ScoreKind::Choice => choices(row)?,
        ScoreKind::Ifeval => instructions(row)?,
        ScoreKind::PassAtK => passes(row)?,
    };
    Ok(match scores {
        Value::Object(scores) => scores,
        _ => Map::new(),
    })
}

/// Rows as they are written: the id, then the scores.
#[must_use]
pub fn with_ids(rows: &[ScoredRow], scores: &[RowScores]) -> Vec<RowScores> {
    let one = |(row, scores): (&ScoredRow, &RowScores)| {
        let mut out = Map::from_iter([("id".to_string(), row.id())]);
        out.extend(scores.clone());
        out
    };
    rows.iter().zip(scores).map(one).collect()
}

fn text(reference: &str, hypothesis: &str) -> Value {
    json!({
        "bleu4": bleu4(reference, hypothesis), "rouge_l": rouge_l(reference, hypothesis),
        "sacrebleu": sacrebleu(reference, hypothesis), "rouge_l_google": rouge_l_google(reference, hypothesis),
    })
}

fn calls(row: &ScoredRow) -> Result<Value, EvalError> {
    let (label, predict) = (row.text("label")?, row.text("predict")?);
    let wrong = |_: MetricsError| row.wrong("label", "a function call", format!("{label:?}"));
    let correct = call::matches_main(&label, &predict).map_err(wrong)?;
    let score = call::score_reproduce(&label, &predict).map_err(wrong)?;
    Ok(json!({"correct": correct, "score": score}))
}

fn choices(row: &ScoredRow) -> Result<Value, EvalError> {
    let texts: Vec<String> = row.get("choices", "a list of texts")?;
    let lls: Vec<f64> = likelihoods(row, texts.len())?;
    let greedy = if row.has("is_greedy") {
        row.get("is_greedy", "a list of true and false")?
    } else {
        vec![false; texts.len()]
    };
    let triples = texts.iter().zip(&lls).zip(greedy);
    let choices = triples.map(|((text, ll), greedy)| Choice {
        text,
        log_likelihood: *ll,
        greedy,
    });
    let choices: Vec<Choice> = choices.collect();
    if choices.len() != texts.len() {
        return Err(row.wrong("is_greedy", "as many as choices", choices.len()));
    }
    let gold: usize = row.get("gold", "the number of the right choice, from 0")?;
    let scores = choice::score(&choices, gold);
    let scores = scores.map_err(|_| row.wrong("gold", "one of the choices", gold))?;
    let number = |verdict: bool| f64::from(verdict);
    Ok(json!({
        "acc": number(scores.acc), "acc_norm": number(scores.acc_norm),
        "acc_bytes": number(scores.acc_bytes), "exact_match": number(scores.exact_match),
        "pred": scores.picked, "pred_norm": scores.picked_norm,
    }))
}

fn truths(row: &ScoredRow) -> Result<Value, EvalError> {
    let labels: Vec<u8> = row.get("labels", "a list of 1 and 0")?;
    let lls = likelihoods(row, labels.len())?;
    let marks: Vec<bool> = labels.iter().map(|label| *label != 0).collect();
    let acc = choice::mc2(&lls, &marks);
    Ok(json!({"acc": acc.map_err(|error| row.wrong("labels", "a mark for each", error))?}))
}

/// As many log-likelihoods as there are choices.
fn likelihoods(row: &ScoredRow, count: usize) -> Result<Vec<f64>, EvalError> {
    let expected = "a list of numbers, or -inf as text";
    let lls: Vec<Value> = row.get("lls", expected)?;
    let number = |value: &Value| match value.as_str() {
        // JSON has no infinity.
        Some("-inf") => Some(f64::NEG_INFINITY),
        _ => value.as_f64(),
    };
    let numbers: Option<Vec<f64>> = lls.iter().map(number).collect();
    let lls = numbers.ok_or_else(|| row.wrong("lls", expected, Value::from(lls)))?;
    if lls.len() == count {
        Ok(lls)
    } else {
        Err(row.wrong("lls", "one for each choice", lls.len()))
    }
}

fn instructions(row: &ScoredRow) -> Result<Value, EvalError> {
    let names: Vec<String> = row.get("instruction_id_list", "a list of texts")?;
    let arguments: Vec<Value> = row.get("kwargs", "a list of objects")?;
    if names.len() != arguments.len() {
        return Err(row.wrong("kwargs", "one for each instruction", arguments.len()));
    }
    let response = row.text("response")?;
    let pairs = names.iter().zip(&arguments);
    let read = |(name, arguments): (&String, &Value)| Instruction::new(name, arguments);
    let read: Result<Vec<Instruction>, MetricsError> = pairs.map(read).collect();
    let read = read.map_err(|error| row.wrong("kwargs", "arguments of the instruction", error))?;
    let strict: Vec<bool> = read.iter().map(|one| one.strict(&response)).collect();
    let loose: Vec<bool> = read.iter().map(|one| one.loose(&response)).collect();
    Ok(json!({
        "prompt_strict": strict.iter().all(|kept| *kept), "prompt_loose": loose.iter().all(|kept| *kept),
        "strict": strict, "loose": loose,
    }))
}

fn passes(row: &ScoredRow) -> Result<Value, EvalError> {
    let number = |field| row.get::<usize>(field, "a whole number");
    let (n, c, k) = (number("n")?, number("c")?, number("k")?);
    if n < c {
        return Err(row.wrong("c", "at most n", c));
    }
    if k == 0 || n < k {
        return Err(row.wrong("k", "1 to n", k));
    }
    Ok(json!({"pass_at_k": code::pass_at_k(n, c, k)}))
}
