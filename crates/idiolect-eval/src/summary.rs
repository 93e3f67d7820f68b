//! Rows to means with intervals, pass@k, and outputs in the form of `AlpacaEval`.

use std::collections::BTreeMap;

use idiolect_metrics::code::pass_at_k;
use idiolect_metrics::interval::{Draws, Interval};
use idiolect_metrics::share;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::ItemAnswer;
use crate::error::EvalError;
use crate::item::Item;
use crate::programs::Ending;

/// The values of k that are reported, where there are as many samples.
const KS: [usize; 3] = [1, 5, 10];

/// The mean of one score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// Mean over the items.
    pub mean: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
}

/// A task's scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvalSummary {
    /// How many items were answered.
    pub items: usize,
    /// Mean of each score by its name; MMLU's is over questions, not over subjects.
    pub scores: BTreeMap<String, Mean>,
    /// Mean of each score in each group, where the task has groups.
    pub groups: BTreeMap<String, BTreeMap<String, f64>>,
    /// The scores of each row in order, for a comparison of two models item by item.
    pub rows: Vec<BTreeMap<String, f64>>,
}

/// Scores the rows of `items`, of which there may be fewer; programs are not run and get no score.
///
/// # Errors
///
/// [`EvalError::Score`] where an item's right answer cannot be used.
pub fn summarize(
    items: &[Item],
    rows: &[ItemAnswer],
    draws: &Draws,
) -> Result<EvalSummary, EvalError> {
    summarize_programs(items, rows, draws, &[])
}

/// As [`summarize`], with how the program of each row ended, in the order of the rows: `passed`.
///
/// # Errors
///
/// As [`summarize`].
pub fn summarize_programs(
    items: &[Item],
    rows: &[ItemAnswer],
    draws: &Draws,
    endings: &[Ending],
) -> Result<EvalSummary, EvalError> {
    let mut scored = Vec::new();
    let mut all: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    let mut grouped: BTreeMap<String, BTreeMap<String, Vec<f64>>> = BTreeMap::new();
    for (at, (item, row)) in items.iter().zip(rows).enumerate() {
        let mut scores = item
            .gold
            .score(&row.answer)
            .map_err(EvalError::score(&item.id))?;
        let ending = endings.get(at);
        scores.extend(ending.map(|ending| ("passed", f64::from(*ending == Ending::Passed))));
        for (name, value) in &scores {
            let weight = item.gold.weight(name);
            all.entry((*name).to_owned())
                .or_default()
                .push((*value, weight));
            if !item.group.is_empty() {
                let group = grouped.entry(item.group.clone()).or_default();
                group.entry((*name).to_owned()).or_default().push(*value);
            }
        }
        scored.push(
            scores
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        );
    }
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let groups = grouped.into_iter().map(|(group, scores)| {
        let scores = scores
            .into_iter()
            .map(|(name, values)| (name, mean(values)));
        (group, scores.collect())
    });
    let scores = all
        .into_iter()
        .filter_map(|(name, values)| Some((name, weighted(&values, draws)?)));
    Ok(EvalSummary {
        items: scored.len(),
        scores: scores.collect(),
        groups: groups.collect(),
        rows: scored,
    })
}

/// The mean of values that stand for several parts each, with the interval over items; none where there
/// are no parts.
pub(crate) fn weighted(values: &[(f64, f64)], draws: &Draws) -> Option<Mean> {
    let parts: f64 = values.iter().map(|(_, weight)| weight).sum();
    if parts <= 0.0 {
        return None;
    }
    let scale = values.len() as f64 / parts;
    let values: Vec<f64> = values
        .iter()
        .map(|(value, weight)| value * weight * scale)
        .collect();
    let Interval { mean, low, high } = share::interval(&values, draws)?;
    Some(Mean { mean, low, high })
}

/// `pass@1`, `pass@5` and `pass@10`, as far as there are samples, from how the programs ended: those of one
/// question one after the other, `samples` each.
///
/// Intervals are over questions. A question whose samples are not all there is left out.
#[must_use]
pub fn pass_at(endings: &[Ending], samples: usize, draws: &Draws) -> BTreeMap<String, Mean> {
    let questions = endings.chunks_exact(samples.max(1));
    let passed: Vec<usize> = questions
        .map(|all| all.iter().filter(|one| **one == Ending::Passed).count())
        .collect();
    let mean = |k: usize| {
        let values: Vec<f64> = passed.iter().map(|c| pass_at_k(samples, *c, k)).collect();
        let Interval { mean, low, high } = share::interval(&values, draws)?;
        Some((format!("pass@{k}"), Mean { mean, low, high }))
    };
    let possible = KS.into_iter().filter(|k| *k <= samples);
    possible.filter_map(mean).collect()
}

/// The rows in the form that `AlpacaEval` reads: `instruction`, `output`, `generator`.
#[must_use]
pub fn alpaca_eval_outputs(items: &[Item], rows: &[ItemAnswer], generator: &str) -> Value {
    let output = |(item, row): (&Item, &ItemAnswer)| {
        let (instruction, output) = item.question_and_answer(&row.answer)?;
        Some(json!({"instruction": instruction, "output": output, "generator": generator}))
    };
    items.iter().zip(rows).filter_map(output).collect()
}
