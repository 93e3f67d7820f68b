//! Answers of several models against labels and against the base model's: every score of every row, and what
//! follows from those.

use std::collections::BTreeMap;

use idiolect_completion::{AnswerRow, BoxError, FinishReason};
use idiolect_data::Row;
use idiolect_metrics::interval::{Draws, Interval, bootstrap, mean, paired};
use idiolect_metrics::share;
use idiolect_metrics::{bleu4, rouge_l};

use crate::comparison::types::{AnswerSample, Comparison, Gain, ModelScores, ProjectionShift};
use crate::error::EvalError;
use crate::summary::Mean;

/// How many rows are shown in full.
const SAMPLES: usize = 8;
/// The name of the score of right answers.
const RIGHT: &str = "right";

/// Whether an answer is right, given the label and the answer.
///
/// # Errors
///
/// A label that the check cannot use.
pub type AnswerCheck<'a> = &'a dyn Fn(&str, &str) -> Result<bool, BoxError>;

/// What is compared.
pub struct ComparedRows<'a> {
    /// The rows; their responses are the labels.
    pub rows: &'a [Row],
    /// What makes an answer right; none for plain text.
    pub check: Option<AnswerCheck<'a>>,
    /// Seed of the intervals.
    pub seed: u64,
}

/// One model's part.
#[derive(Debug, Clone, Default)]
pub struct ComparedModel {
    /// Its name: `seed` for the base model, `plain` and `distilled` in a report.
    pub model: String,
    /// Its answers to the rows, in their order.
    pub answers: Vec<AnswerRow>,
    /// The likeness of each answer to the base model's, by an encoder; none without one.
    pub embedding: Option<Vec<f64>>,
    /// The change of every adapted projection; none of a model that was not trained.
    pub shifts: Option<Vec<ProjectionShift>>,
    /// Training loss of the last step.
    pub last_loss: Option<f64>,
    /// Scores of other items than the answers, by name; each may be of as many items as it likes, the same of every
    /// model.
    pub further: BTreeMap<String, Vec<f64>>,
}

/// Scores the answers of all models, the base model first.
///
/// # Errors
///
/// [`EvalError::Rows`] where a model has not one answer for each row; [`EvalError::Score`] for a label that the
/// check cannot use.
pub fn compare(
    compared: &ComparedRows<'_>,
    models: &[ComparedModel],
) -> Result<Comparison, EvalError> {
    let draws = Draws {
        samples: 10_000,
        level: 0.95,
        seed: compared.seed,
    };
    for model in models {
        check_rows(compared.rows.len(), model)?;
    }
    let base = models.first().map_or(&[][..], |model| &model.answers);
    let scores = models.iter().map(|model| {
        let values = values(compared, base, model)?;
        Ok(scores(model, values, &draws))
    });
    let scores = scores.collect::<Result<Vec<_>, EvalError>>()?;
    let samples = compared.rows.iter().enumerate().take(SAMPLES);
    Ok(Comparison {
        rows: compared.rows.len(),
        gains: gains(&scores, &draws)?,
        samples: samples.map(|(at, row)| sample(row, at, models)).collect(),
        models: scores,
    })
}

fn check_rows(expected: usize, model: &ComparedModel) -> Result<(), EvalError> {
    let lengths = [
        ("answers", Some(model.answers.len())),
        ("embeddings", model.embedding.as_ref().map(Vec::len)),
    ];
    for (what, found) in lengths {
        if let Some(found) = found.filter(|found| *found != expected) {
            return Err(EvalError::Rows {
                model: model.model.clone(),
                what,
                expected,
                found,
            });
        }
    }
    Ok(())
}

/// Every score of every row.
fn values(
    compared: &ComparedRows<'_>,
    base: &[AnswerRow],
    model: &ComparedModel,
) -> Result<BTreeMap<String, Vec<f64>>, EvalError> {
    let own = &model.answers;
    let to_base = |score: fn(&str, &str) -> f64| -> Vec<f64> {
        let pairs = base.iter().zip(own);
        pairs
            .map(|(base, own)| score(&base.text, &own.text))
            .collect()
    };
    let labels = compared.rows.iter().map(label).zip(own);
    let to_label = labels.map(|(label, own)| bleu4(label, &own.text)).collect();
    let mut values = BTreeMap::from([
        ("bleu4".to_owned(), to_base(bleu4)),
        ("rouge_l".to_owned(), to_base(rouge_l)),
        ("bleu4_to_label".to_owned(), to_label),
    ]);
    if let Some(check) = compared.check {
        values.insert(RIGHT.to_owned(), right(check, compared.rows, own)?);
    }
    if let Some(embedding) = &model.embedding {
        values.insert("embedding".to_owned(), embedding.clone());
    }
    values.extend(model.further.clone());
    Ok(values)
}

/// Right answers as 1, others as 0.
fn right(
    check: AnswerCheck<'_>,
    rows: &[Row],
    answers: &[AnswerRow],
) -> Result<Vec<f64>, EvalError> {
    let one = |(row, answer): (&Row, &AnswerRow)| {
        let holds = check(label(row), &answer.text).map_err(|source| EvalError::Score {
            id: row.example.id.clone(),
            source,
        })?;
        Ok(f64::from(holds))
    };
    rows.iter().zip(answers).map(one).collect()
}

fn label(row: &Row) -> &str {
    row.example.response().unwrap_or_default()
}

/// The numbers of one model from the scores of its rows.
fn scores(model: &ComparedModel, values: BTreeMap<String, Vec<f64>>, draws: &Draws) -> ModelScores {
    let shifts = model.shifts.as_deref();
    let average = |name| values.get(name).and_then(|all| mean(all));
    let interval = |(name, all): (&String, &Vec<f64>)| {
        // What is no share may be 1 throughout, as the likeness of the base model to itself is.
        let found = if name == RIGHT {
            share::interval(all, draws)
        } else {
            bootstrap(all, draws)
        };
        Some((name.clone(), of(found?)))
    };
    let is_right = |value: &&f64| 0.5 < **value;
    let ended = |answer: &&AnswerRow| answer.finish_reason != FinishReason::Length;
    ModelScores {
        model: model.model.clone(),
        right: values
            .get(RIGHT)
            .map(|all| all.iter().filter(is_right).count()),
        bleu4: average("bleu4").unwrap_or(0.0),
        rouge_l: average("rouge_l").unwrap_or(0.0),
        embedding: average("embedding"),
        bleu4_to_label: average("bleu4_to_label").unwrap_or(0.0),
        ended: model.answers.iter().filter(ended).count(),
        shift: shifts.map(norm),
        relative_shift: shifts.map(relative),
        last_loss: model.last_loss,
        intervals: values.iter().filter_map(interval).collect(),
        shifts: shifts.unwrap_or_default().to_vec(),
        values,
    }
}

/// The norm of the whole change: the root of the summed squares.
fn norm(shifts: &[ProjectionShift]) -> f64 {
    let squares = shifts.iter().map(|shift| shift.norm * shift.norm);
    squares.sum::<f64>().sqrt()
}

fn relative(shifts: &[ProjectionShift]) -> f64 {
    shifts.iter().map(|shift| shift.relative).sum::<f64>() / shifts.len().max(1) as f64
}

fn of(interval: Interval) -> Mean {
    Mean {
        mean: interval.mean,
        low: interval.low,
        high: interval.high,
    }
}

/// The last model against the one before it.
fn gains(models: &[ModelScores], draws: &Draws) -> Result<BTreeMap<String, Gain>, EvalError> {
    let [.., before, last] = models else {
        return Ok(BTreeMap::new());
    };
    let mut gains = BTreeMap::new();
    for (name, values) in &last.values {
        // A score that only one of the two has is no gain.
        let Some(earlier) = before.values.get(name) else {
            continue;
        };
        let found = paired(earlier, values, draws).map_err(|_| EvalError::Rows {
            model: before.model.clone(),
            what: "scores",
            expected: values.len(),
            found: earlier.len(),
        })?;
        gains.extend(found.map(|found| {
            let gain = Gain {
                difference: of(found.difference),
                p_value: found.p_value,
            };
            (name.clone(), gain)
        }));
    }
    Ok(gains)
}

/// One row with the answers of the models.
fn sample(row: &Row, at: usize, models: &[ComparedModel]) -> AnswerSample {
    let prompt = row.example.prompt().last();
    let answers = models.iter().filter_map(|model| model.answers.get(at));
    AnswerSample {
        id: row.example.id.clone(),
        prompt: prompt.map_or(String::new(), |turn| turn.content.clone()),
        label: label(row).to_owned(),
        answers: answers.map(|answer| answer.text.clone()).collect(),
    }
}
