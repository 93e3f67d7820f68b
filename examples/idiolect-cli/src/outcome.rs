//! What the whole job found: the numbers side by side, with those of each row behind them.

use std::collections::BTreeMap;
use std::path::Path;

use idiolect::data::{DataSet, Id, Row, write_atomically};
use idiolect::distill::{Check, Summary};
use idiolect::embed::{Embedder, cosine};
use idiolect::eval::Mean;
use idiolect::lora::{SiteShift, total};
use idiolect::metrics;
use idiolect::metrics::interval::{Draws, bootstrap, paired};
use serde::Serialize;

use crate::answering::Answered;
use crate::commands::score::score_rows;
use crate::error::CliError;
use crate::opened::Opened;

/// One model's part: its answers, and for a trained one how far it moved.
pub struct Side {
    /// Answers to the held-out rows, in their order.
    pub answers: Vec<Answered>,
    /// Shift of every adapted projection.
    pub shift: Option<Vec<SiteShift>>,
    /// Training loss of the last step.
    pub last_loss: Option<f64>,
}

/// Likelihood of responses under the seed model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TargetNll {
    /// Mean over the rows of each row's nats per token.
    pub per_token: f64,
    /// Mean over the rows of each row's nats.
    pub per_row: f64,
    /// Tokens of all responses.
    pub tokens: usize,
}

/// The scores of one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// `seed`, `plain` or `distilled`.
    pub model: &'static str,
    /// Right answers by the task's check; none for a task without one.
    pub right: Option<usize>,
    /// BLEU-4 by characters against the seed model's answers, 0 to 1.
    pub bleu4: f64,
    /// ROUGE-L against the seed model's answers, 0 to 1.
    pub rouge_l: f64,
    /// Cosine of the embeddings with those of the seed model's answers, -1 to 1; none without an encoder.
    pub embedding: Option<f64>,
    /// BLEU-4 against the data set's responses.
    pub bleu4_to_label: f64,
    /// Answers that ended by themselves.
    pub ended: usize,
    /// Frobenius norm of the change of all weights.
    pub shift: Option<f64>,
    /// Mean over the adapted projections of the change relative to the weight.
    pub relative_shift: Option<f64>,
    /// Training loss of the last step.
    pub last_loss: Option<f64>,
    /// Means of [`Scores::values`] with 95 % bootstrap intervals over the rows.
    pub intervals: BTreeMap<&'static str, Mean>,
    /// Every score of every held-out row, in their order.
    pub values: BTreeMap<&'static str, Vec<f64>>,
    /// The change of every adapted projection.
    pub shifts: Vec<Place>,
}

/// How far one projection moved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Place {
    /// Its path, for example `model.layers.0.self_attn.q_proj`.
    pub site: String,
    /// Its block, from 0.
    pub layer: usize,
    /// Frobenius norm of the change.
    pub norm: f64,
    /// The same relative to the weight.
    pub relative: f64,
}

/// The distilled adapter against the plain one, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gain {
    /// Distilled minus plain, with its interval.
    pub difference: Mean,
    /// Probability of a difference as large, were the two alike (permutation test).
    pub p_value: f64,
}

/// One held-out row as the three models answered it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// The example's id.
    pub id: Id,
    /// Its last turn before the response.
    pub prompt: String,
    /// The data set's response.
    pub label: String,
    /// Answers of seed, plain and distilled.
    pub answers: [String; 3],
}

/// How many held-out rows are shown in full.
const SAMPLES: usize = 8;

/// Everything that the report says.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Held-out rows.
    pub rows: usize,
    /// Seed, plain, distilled.
    pub models: Vec<Scores>,
    /// What the distillation kept.
    pub summary: Summary,
    /// Likelihood of the responses as they were, and as they were trained on.
    pub target_nll: [TargetNll; 2],
    /// The distilled adapter against the plain one, by score.
    pub gains: BTreeMap<&'static str, Gain>,
    /// The first held-out rows.
    pub samples: Vec<Sample>,
}

/// What is measured with, beside the check of the task.
pub struct Measure<'a> {
    /// Encoder for the embedding similarity.
    pub embedder: Option<&'a Embedder>,
    /// Seed of the intervals.
    pub seed: u64,
}

/// Scores the responses of `rows` under the model that is opened.
///
/// # Errors
///
/// The errors of rendering and scoring.
pub fn target_nll(opened: &Opened, rows: &[Row]) -> Result<TargetNll, CliError> {
    let one = |row: &Row| opened.example_row(row.example.id.clone(), &row.example.messages);
    let encoded = rows.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    let scored = score_rows(opened, &encoded, 8)?;
    let count = scored.len().max(1) as f64;
    Ok(TargetNll {
        per_token: scored
            .iter()
            .map(|row| row.nll / row.tokens.max(1) as f64)
            .sum::<f64>()
            / count,
        per_row: scored.iter().map(|row| row.nll).sum::<f64>() / count,
        tokens: scored.iter().map(|row| row.tokens).sum(),
    })
}

impl Outcome {
    /// Scores the answers of all three models.
    ///
    /// # Errors
    ///
    /// [`CliError::Setting`] for a label that the check cannot use; [`CliError::Embed`].
    pub fn new(
        eval: &DataSet,
        (check, measure): (Check, &Measure),
        sides: [Side; 3],
        summary: Summary,
        target_nll: [TargetNll; 2],
    ) -> Result<Self, CliError> {
        let rows = eval.rows.iter();
        let labels: Vec<&str> = rows
            .map(|row| row.example.response().unwrap_or_default())
            .collect();
        let texts = sides.each_ref().map(|side| texts(&side.answers));
        let names = ["seed", "plain", "distilled"];
        let mut models = Vec::new();
        for ((model, side), own) in names.into_iter().zip(&sides).zip(&texts) {
            let values = values(check, measure, &labels, [&texts[0], own])?;
            models.push(scores(model, side, values, measure));
        }
        let samples = eval.rows.iter().enumerate().take(SAMPLES);
        let samples = samples.map(|(at, row)| sample(row, texts.each_ref().map(|all| all[at])));
        Ok(Self {
            rows: labels.len(),
            gains: gains(&models, measure)?,
            samples: samples.collect(),
            models,
            summary,
            target_nll,
        })
    }

    /// Writes `outcome.json`, from which the report is made.
    ///
    /// # Errors
    ///
    /// [`CliError::Data`] when it cannot be written.
    pub fn write(&self, run: &Path) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        Ok(write_atomically(&run.join("outcome.json"), |to| {
            writeln!(to, "{text}")
        })?)
    }
}

fn texts(answers: &[Answered]) -> Vec<&str> {
    answers.iter().map(|answer| answer.text.as_str()).collect()
}

/// Every score of every row; `seed` are the seed model's answers, `own` those that are scored.
fn values(
    check: Check,
    measure: &Measure,
    labels: &[&str],
    [seed, own]: [&[&str]; 2],
) -> Result<BTreeMap<&'static str, Vec<f64>>, CliError> {
    let pairs = |references: &[&str], score: fn(&str, &str) -> f64| -> Vec<f64> {
        let pairs = references.iter().zip(own);
        pairs
            .map(|(reference, text)| score(reference, text))
            .collect()
    };
    let mut values = BTreeMap::from([
        ("bleu4", pairs(seed, metrics::bleu4)),
        ("rouge_l", pairs(seed, metrics::rouge_l)),
        ("bleu4_to_label", pairs(labels, metrics::bleu4)),
    ]);
    if let Some(right) = right(check, labels, own)? {
        values.insert("right", right);
    }
    if let Some(embedder) = measure.embedder {
        let found = [seed, own].map(|texts| embedder.embed(texts, 16));
        let [seed, own] = found;
        let (seed, own) = (seed?, own?);
        let cosines = seed.iter().zip(&own).map(|(a, b)| cosine(a, b));
        values.insert("embedding", cosines.collect());
    }
    Ok(values)
}

fn scores(
    model: &'static str,
    side: &Side,
    values: BTreeMap<&'static str, Vec<f64>>,
    measure: &Measure,
) -> Scores {
    let shifts = side.shift.as_deref();
    let average = |name| {
        values
            .get(name)
            .and_then(|all| metrics::interval::mean(all))
    };
    let interval = |(name, all): (&&'static str, &Vec<f64>)| {
        Some((*name, of(bootstrap(all, &draws(measure))?)))
    };
    Scores {
        model,
        right: values
            .get("right")
            .map(|all| all.iter().filter(|right| 0.5 < **right).count()),
        bleu4: average("bleu4").unwrap_or(0.0),
        rouge_l: average("rouge_l").unwrap_or(0.0),
        embedding: average("embedding"),
        bleu4_to_label: average("bleu4_to_label").unwrap_or(0.0),
        ended: side
            .answers
            .iter()
            .filter(|answer| answer.finish_reason != "length")
            .count(),
        shift: shifts.map(total),
        relative_shift: shifts.map(|all| {
            all.iter().map(|shift| shift.relative).sum::<f64>() / all.len().max(1) as f64
        }),
        last_loss: side.last_loss,
        intervals: values.iter().filter_map(interval).collect(),
        shifts: shifts.unwrap_or_default().iter().map(place).collect(),
        values,
    }
}

fn place(shift: &SiteShift) -> Place {
    Place {
        site: shift.site.to_string(),
        layer: shift.site.layer,
        norm: shift.norm,
        relative: shift.relative,
    }
}

fn draws(measure: &Measure) -> Draws {
    Draws {
        samples: 10_000,
        level: 0.95,
        seed: measure.seed,
    }
}

fn of(interval: metrics::interval::Interval) -> Mean {
    Mean {
        mean: interval.mean,
        low: interval.low,
        high: interval.high,
    }
}

/// The last model against the one before it.
fn gains(models: &[Scores], measure: &Measure) -> Result<BTreeMap<&'static str, Gain>, CliError> {
    let [.., plain, distilled] = models else {
        return Ok(BTreeMap::new());
    };
    let mut gains = BTreeMap::new();
    for (name, values) in &distilled.values {
        let before = plain.values.get(name).map_or(&[][..], Vec::as_slice);
        let found = paired(before, values, &draws(measure));
        let found = found.map_err(|error| CliError::setting(name, "as many rows", error))?;
        gains.extend(found.map(|found| {
            let difference = of(found.difference);
            let p_value = found.p_value;
            (
                *name,
                Gain {
                    difference,
                    p_value,
                },
            )
        }));
    }
    Ok(gains)
}

fn sample(row: &Row, answers: [&str; 3]) -> Sample {
    let prompt = row.example.prompt().last();
    Sample {
        id: row.example.id.clone(),
        prompt: prompt.map_or(String::new(), |turn| turn.content.clone()),
        label: row.example.response().unwrap_or_default().to_owned(),
        answers: answers.map(str::to_owned),
    }
}

/// Right answers by the rule of the task as 1, others as 0; none for plain text.
fn right(check: Check, labels: &[&str], texts: &[&str]) -> Result<Option<Vec<f64>>, CliError> {
    let mut all = Vec::new();
    for (label, text) in labels.iter().zip(texts) {
        let holds = match check {
            Check::Math => metrics::math::same_answer(label, text),
            Check::Code => metrics::code::accepts(text),
            Check::Call | Check::CallHalf => metrics::call::matches_main(label, text)
                .map_err(|error| CliError::setting("label", "a function call", error))?,
            Check::Text => return Ok(None),
        };
        all.push(f64::from(holds));
    }
    Ok(Some(all))
}
