//! Which fields each kind of score reads from a row, and which it gives.

use clap::ValueEnum;
use idiolect::metrics::choice::{self, Choice};
use idiolect::metrics::ifeval::{Instruction, accuracies};
use idiolect::metrics::{
    MetricsError, bleu4, call, code, math, rouge_l, rouge_l_google, sacrebleu, safety,
};
use serde_json::{Map, Value, json};

use crate::error::CliError;
use crate::fields::Record;

/// What is scored.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// reference, hypothesis: `bleu4`, `rouge_l`, `sacrebleu`, `rouge_l_google`
    Text,
    /// text: safe, by the keywords of the paper
    Safety,
    /// label, predict: correct, the same final number
    Math,
    /// label, predict: correct as branch main, score as branch reproduce
    Call,
    /// predict: correct, a code fence and an opening
    Code,
    /// choices, lls, gold (`is_greedy`): acc, `acc_norm`, `acc_bytes`, `exact_match`; lls, labels: acc as mc2
    Choice,
    /// `instruction_id_list`, kwargs, response: strict and loose verdicts
    Ifeval,
    /// n, c, k: `pass_at_k`
    PassAtK,
    /// reference, hypothesis: cosine of their embeddings by --model, a `MiniLM` folder
    Embedding,
    /// no rows: how far --adapter moves --model, or stands from another --adapter, or --other from --model
    Shift,
}

/// The scores of one row, in the order in which they are written.
pub type Scores = Map<String, Value>;

/// Scores one row.
///
/// # Errors
///
/// [`CliError::Setting`] names file, row and field.
pub fn score(kind: Kind, row: &Record) -> Result<Scores, CliError> {
    let scores = match kind {
        Kind::Text => text(&row.text("reference")?, &row.text("hypothesis")?),
        Kind::Safety => json!({"safe": safety::is_safe(&row.text("text")?)}),
        Kind::Math => {
            json!({"correct": math::same_answer(&row.text("label")?, &row.text("predict")?)})
        }
        Kind::Call => calls(row)?,
        Kind::Code => json!({"correct": code::accepts(&row.text("predict")?)}),
        Kind::Choice if row.has("labels") => truths(row)?,
        Kind::Choice => choices(row)?,
        Kind::Ifeval => instructions(row)?,
        Kind::PassAtK => passes(row)?,
        // These two read no rows of text alone; their command does not come here.
        Kind::Embedding | Kind::Shift => Value::Null,
    };
    Ok(match scores {
        Value::Object(scores) => scores,
        _ => Map::new(),
    })
}

fn text(reference: &str, hypothesis: &str) -> Value {
    json!({
        "bleu4": bleu4(reference, hypothesis), "rouge_l": rouge_l(reference, hypothesis),
        "sacrebleu": sacrebleu(reference, hypothesis), "rouge_l_google": rouge_l_google(reference, hypothesis),
    })
}

fn calls(row: &Record) -> Result<Value, CliError> {
    let (label, predict) = (row.text("label")?, row.text("predict")?);
    let wrong = |_: MetricsError| row.wrong("label", "a function call", format!("{label:?}"));
    let correct = call::matches_main(&label, &predict).map_err(wrong)?;
    let score = call::score_reproduce(&label, &predict).map_err(wrong)?;
    Ok(json!({"correct": correct, "score": score}))
}

fn choices(row: &Record) -> Result<Value, CliError> {
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

fn truths(row: &Record) -> Result<Value, CliError> {
    let labels: Vec<u8> = row.get("labels", "a list of 1 and 0")?;
    let lls = likelihoods(row, labels.len())?;
    let marks: Vec<bool> = labels.iter().map(|label| *label != 0).collect();
    let acc = choice::mc2(&lls, &marks);
    Ok(json!({"acc": acc.map_err(|error| row.wrong("labels", "a mark for each", error))?}))
}

/// As many log-likelihoods as there are choices.
fn likelihoods(row: &Record, count: usize) -> Result<Vec<f64>, CliError> {
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

fn instructions(row: &Record) -> Result<Value, CliError> {
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

fn passes(row: &Record) -> Result<Value, CliError> {
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

/// The mean of every score over the rows, verdicts as 0 and 1, and how many rows there were.
///
/// Indices of choices have no mean; those of `IFEval`'s instructions are over instructions.
#[must_use]
pub fn means(rows: &[Scores]) -> Value {
    let mut means = Map::new();
    means.insert("rows".into(), rows.len().into());
    let names: Vec<&String> = rows.iter().flat_map(Map::keys).collect();
    for name in names {
        if means.contains_key(name) || name.starts_with("pred") {
            continue;
        }
        let values: Vec<f64> = rows
            .iter()
            .filter_map(|row| as_number(row.get(name)?))
            .collect();
        if !values.is_empty() {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            means.insert(name.clone(), mean.into());
        }
    }
    means.extend(of_instructions(rows));
    means.into()
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(verdict) => Some(f64::from(*verdict)),
        other => other.as_f64(),
    }
}

/// The shares of instructions kept, where rows have verdicts on them.
fn of_instructions(rows: &[Scores]) -> Vec<(String, Value)> {
    let list = |row: &Scores, name: &str| -> Option<Vec<bool>> {
        serde_json::from_value(row.get(name)?.clone()).ok()
    };
    let both = |row: &Scores| {
        let pairs = list(row, "strict")?.into_iter().zip(list(row, "loose")?);
        Some(pairs.collect())
    };
    let prompts: Option<Vec<Vec<(bool, bool)>>> = rows.iter().map(both).collect();
    let Some(found) = prompts.as_deref().and_then(accuracies) else {
        return Vec::new();
    };
    vec![
        ("instruction_strict".into(), found.instruction_strict.into()),
        ("instruction_loose".into(), found.instruction_loose.into()),
    ]
}
