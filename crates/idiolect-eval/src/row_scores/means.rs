//! Means of the scores of rows.

use idiolect_metrics::ifeval::{InstructionVerdict, accuracies};
use serde_json::{Map, Value};

use crate::row_scores::kinds::RowScores;

/// The mean of every score over the rows, verdicts as 0 and 1, and how many rows there were.
///
/// Indices of choices have no mean; those of `IFEval`'s instructions are over instructions.
#[must_use]
pub fn score_means(rows: &[RowScores]) -> Value {
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
fn of_instructions(rows: &[RowScores]) -> Vec<(String, Value)> {
    let list = |row: &RowScores, name: &str| -> Option<Vec<bool>> {
        serde_json::from_value(row.get(name)?.clone()).ok()
    };
    let both = |row: &RowScores| {
        let pairs = list(row, "strict")?.into_iter().zip(list(row, "loose")?);
        Some(
            pairs
                .map(|(strict, loose)| InstructionVerdict { strict, loose })
                .collect(),
        )
    };
    let prompts: Option<Vec<Vec<InstructionVerdict>>> = rows.iter().map(both).collect();
    let Some(found) = prompts.as_deref().and_then(accuracies) else {
        return Vec::new();
    };
    vec![
        ("instruction_strict".into(), found.instruction_strict.into()),
        ("instruction_loose".into(), found.instruction_loose.into()),
    ]
}
