//! Training rows: a seeded sample of a set, rewritten once for each template, and mixed for a cell.

use std::collections::BTreeMap;
use std::path::PathBuf;

use idiolect_data::sample;
use serde_json::{Map, Value};

use crate::error::ExperimentError;
use crate::plan::Cell;
use crate::program::{Lab, read_json, write_json};

/// Seed of the sample, the same for every cell.
const SEED: u64 = 42;

/// Writes the sample of a set, from which smaller sets take the beginning, and returns its file.
///
/// # Errors
///
/// [`ExperimentError::File`] where the set has fewer rows that are short enough.
pub(crate) fn sampled(lab: &Lab, set: &str) -> Result<PathBuf, ExperimentError> {
    let path = lab.out.join(format!("{set}.json"));
    if path.is_file() {
        return Ok(path);
    }
    let source = lab.args.data.join(format!("sdft/{set}_train.json"));
    let all = serde_json::from_value(read_json(&source)?);
    let all: Vec<Map<String, Value>> =
        all.map_err(|error| ExperimentError::file(&source, format!("rows ({error})")))?;
    let mut rows = short_enough(&all, lab.scale.longest);
    let count = largest(lab);
    if rows.len() < count {
        let expected = format!("{count} rows of at most {} characters", lab.scale.longest);
        return Err(ExperimentError::file(&source, expected));
    }
    let chosen = sample(rows.len(), count, SEED);
    rows = chosen.into_iter().map(|at| rows[at].clone()).collect();
    write_json(&path, &rows.into())?;
    Ok(path)
}

fn largest(lab: &Lab) -> usize {
    let sizes = lab.scale.sizes.iter().copied();
    sizes.fold(lab.scale.rows, usize::max)
}

/// The rows whose prompt and response each have at most `longest` characters, with their number as id.
fn short_enough(all: &[Map<String, Value>], longest: usize) -> Vec<Value> {
    let text = |row: &Map<String, Value>, name: &str| -> Option<usize> {
        Some(row.get(name)?.as_str()?.chars().count())
    };
    let length = |row: &Map<String, Value>, name: &str| text(row, name).unwrap_or(0);
    let fits = |row: &Map<String, Value>| {
        let prompt = length(row, "instruction") + length(row, "input");
        longest == 0 || prompt.max(length(row, "output")) <= longest
    };
    let numbered = all.iter().enumerate().filter(|(_, row)| fits(row));
    let with_id = numbered.map(|(at, row)| {
        let mut row = row.clone();
        row.insert("id".into(), at.into());
        Value::Object(row)
    });
    with_id.collect()
}

/// Distils the sample of a set with a template, or goes on with that, and returns the folder.
///
/// # Errors
///
/// Those of the program.
pub(crate) fn distilled(lab: &Lab, set: &str, template: &str) -> Result<PathBuf, ExperimentError> {
    let out = lab.out.join(format!("distill-{set}-{template}"));
    // The summary is written last, with the likelihoods.
    if out.join("summary.json").is_file() && out.join("done").is_file() {
        return Ok(out);
    }
    let sampled = sampled(lab, set)?;
    let check = if set == "openfunction" {
        "call"
    } else {
        "text"
    };
    let (tokens, batch) = (
        lab.scale.rewrite_tokens.to_string(),
        lab.scale.batch_size.to_string(),
    );
    let words = [
        "distill",
        "--preset",
        template,
        "--check",
        check,
        "--max-new-tokens",
        &tokens,
        "--generation-batch-size",
        &batch,
    ];
    lab.call(&words, &[("--data", &sampled), ("--out", &out)])?;
    let mark = out.join("done");
    std::fs::write(&mark, "").map_err(ExperimentError::io(&mark))?;
    Ok(out)
}

/// The rows that a cell trains on, and how many of their responses are other ones than the data set's.
///
/// # Errors
///
/// Those of the distillation.
pub(crate) fn of(lab: &Lab, cell: &Cell) -> Result<(Vec<Value>, usize), ExperimentError> {
    let path = sampled(lab, cell.set)?;
    let original = read_json(&path)?;
    let original = original.as_array().map_or(&[][..], Vec::as_slice);
    let original = &original[..cell.rows.min(original.len())];
    let Some(template) = cell.template else {
        return Ok((original.to_vec(), 0));
    };
    let rewritten = read_json(&distilled(lab, cell.set, template)?.join("distilled.json"))?;
    let rewritten = rewritten.as_array().map_or(&[][..], Vec::as_slice);
    let rows = mixed(original, rewritten, cell.mix, cell.seed);
    let changed = rows
        .iter()
        .zip(original)
        .filter(|(a, b)| a["output"] != b["output"]);
    let changed = changed.count();
    Ok((rows, changed))
}

/// `original` with a share of its rows, drawn by the seed, from `rewritten`, paired by id.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of rows"
)]
fn mixed(original: &[Value], rewritten: &[Value], mix: f64, seed: u64) -> Vec<Value> {
    let by_id: BTreeMap<String, &Value> = rewritten
        .iter()
        .map(|row| (row["id"].to_string(), row))
        .collect();
    let count = (original.len() as f64 * mix).round() as usize;
    let mut rows = original.to_vec();
    for at in sample(original.len(), count, seed) {
        if let Some(row) = by_id.get(&rows[at]["id"].to_string()) {
            rows[at] = (*row).clone();
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(text: &str) -> Vec<Value> {
        (0..10)
            .map(|at| json!({"id": at, "output": text}))
            .collect()
    }

    fn replaced(mix: f64, seed: u64) -> Vec<usize> {
        // The rewrites stand in another order than the rows.
        let rewritten: Vec<Value> = rows("own").into_iter().rev().collect();
        let mixed = mixed(&rows("other"), &rewritten, mix, seed);
        (0..10)
            .filter(|at| mixed[*at]["output"] == "own" && mixed[*at]["id"] == *at)
            .collect()
    }

    #[test]
    fn a_mix_replaces_its_share_by_the_seed() {
        assert_eq!(replaced(0.0, 1).len(), 0);
        assert_eq!(replaced(0.5, 1).len(), 5);
        assert_eq!(replaced(1.0, 1).len(), 10);
        assert_eq!(replaced(0.5, 1), replaced(0.5, 1));
        assert!((2..9).any(|seed| replaced(0.5, seed) != replaced(0.5, 1)));
    }

    #[test]
    fn long_rows_are_left_out_and_ids_are_places_in_the_set() {
        let all: Vec<Map<String, Value>> = serde_json::from_value(json!([
            {"instruction": "a long one", "output": "x"},
            {"instruction": "ab", "input": "cd", "output": "x"},
        ]))
        .unwrap();
        let kept = short_enough(&all, 4);
        assert_eq!(
            kept,
            [json!({"instruction": "ab", "input": "cd", "output": "x", "id": 1})]
        );
        assert_eq!(short_enough(&all, 0).len(), 2);
    }
}
