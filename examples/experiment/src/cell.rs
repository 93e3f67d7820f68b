//! One cell: train an adapter, ask it every task, hold its answers against the base model's.
//!
//! The result is written last, so that a cell is done or is gone on with: the program's own journals keep
//! what was answered, and a finished adapter is not trained again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use idiolect_metrics::{bleu4, rouge_l};
use serde_json::{Value, json};

use crate::error::ExperimentError;
use crate::measured::{Measured, folder, result};
use crate::plan::Cell;
use crate::program::{Lab, read_lines, write_json};
use crate::rows;

/// Which score of which task is kept, under which name.
const KEPT: [(&str, &str, &str); 6] = [
    ("openfunction", "correct", "call"),
    ("openfunction", "score", "call, half marks"),
    ("advbench_raw", "safe", "safe"),
    ("advbench_jailbreak", "safe", "safe, jailbreak"),
    ("ifeval", "instruction_loose", "instructions"),
    ("ifeval", "prompt_loose", "prompts"),
];
/// The task whose answers are held against the base model's.
const SHIFTED: &str = "advbench_raw";

/// Asks the base model every task, once for all cells.
///
/// # Errors
///
/// Those of the program.
pub(crate) fn measure_seed(lab: &Lab) -> Result<(), ExperimentError> {
    let out = folder(lab, None);
    if result(lab, None)?.is_some() {
        return Ok(());
    }
    let start = Instant::now();
    let mut measured = Measured::default();
    ask(lab, &out, None, &mut measured)?;
    measured.seconds = start.elapsed().as_secs_f64();
    measured.write(&out)
}

/// Trains and measures a cell, or goes on with it; returns its seconds, without those of rewriting.
///
/// # Errors
///
/// Those of the program.
pub(crate) fn run(lab: &Lab, cell: &Cell) -> Result<f64, ExperimentError> {
    let out = folder(lab, Some(cell));
    std::fs::create_dir_all(&out).map_err(ExperimentError::io(&out))?;
    let (rows, changed) = rows::of(lab, cell)?;
    let start = Instant::now();
    let data = out.join("train.json");
    write_json(&data, &rows.into())?;
    let adapter = train(lab, cell, &data, &out.join("train"))?;
    let mut measured = Measured {
        changed,
        ..Measured::default()
    };
    ask(lab, &out, Some(&adapter), &mut measured)?;
    shifts(lab, &out, &adapter, &mut measured)?;
    measured.seconds = start.elapsed().as_secs_f64();
    measured.write(&out)?;
    Ok(measured.seconds)
}

/// The adapter of a cell, trained where it is not there.
fn train(lab: &Lab, cell: &Cell, data: &Path, out: &Path) -> Result<PathBuf, ExperimentError> {
    let adapter = out.join("adapter");
    if adapter.join("adapter_config.json").is_file() {
        return Ok(adapter);
    }
    if out.is_dir() {
        std::fs::remove_dir_all(out).map_err(ExperimentError::io(out))?;
    }
    let epochs = lab.scale.epochs(cell.set).to_string();
    let (rate, seed) = (lab.scale.learning_rate.to_string(), cell.seed.to_string());
    let words = [
        "train",
        "--epochs",
        &epochs,
        "--learning-rate",
        &rate,
        "--seed",
        &seed,
        "--checkpoint-every",
        "0",
        "--max-length",
        "1024",
        "--truncation",
        "cut",
    ];
    lab.call(&words, &[("--data", data), ("--out", out)])?;
    Ok(adapter)
}

/// Asks every task, and keeps scores and hashes.
fn ask(
    lab: &Lab,
    out: &Path,
    adapter: Option<&Path>,
    to: &mut Measured,
) -> Result<(), ExperimentError> {
    let batch = lab.scale.batch_size.to_string();
    for (task, items, tokens) in lab.scale.tasks {
        let (limit, tokens) = (items.to_string(), tokens.to_string());
        let words = [
            "eval",
            "--task",
            task,
            "--limit",
            &limit,
            "--max-new-tokens",
            &tokens,
            "--batch-size",
            &batch,
        ];
        let place = out.join(task);
        let mut paths = vec![("--data", lab.args.data.as_path()), ("--out", &place)];
        paths.extend(adapter.map(|adapter| ("--adapter", adapter)));
        lab.call(&words, &paths)?;
        let rows = place.join("rows.jsonl");
        let read = read_lines(&rows)?;
        for (_, score, name) in KEPT.iter().filter(|kept| kept.0 == task) {
            let values = numbers(&read, score);
            let values = values
                .ok_or_else(|| ExperimentError::file(&rows, format!("{score} in each row")))?;
            to.values.insert((*name).into(), values);
        }
        to.keep_hash(lab, &rows)?;
    }
    Ok(())
}

/// How far the answers and the weights moved from the base model's.
fn shifts(lab: &Lab, out: &Path, adapter: &Path, to: &mut Measured) -> Result<(), ExperimentError> {
    let pairs = pairs(
        &read_lines(&folder(lab, None).join(SHIFTED).join("rows.jsonl"))?,
        &read_lines(&out.join(SHIFTED).join("rows.jsonl"))?,
    );
    let scored = |score: fn(&str, &str) -> f64| pairs.iter().map(|(_, a, b)| score(a, b)).collect();
    to.values.insert("bleu4".into(), scored(bleu4));
    to.values.insert("rouge_l".into(), scored(rouge_l));
    if let Some(embedder) = &lab.args.embedder {
        let values = cosines(lab, out, embedder, &pairs)?;
        to.values.insert("embedding".into(), values);
    }
    let printed = lab.call(&["metrics", "shift"], &[("--adapter", adapter)])?;
    let printed: Option<Value> = serde_json::from_str(printed.trim()).ok();
    let shift = printed.and_then(|found| found["relative_shift"].as_f64());
    to.shift = Some(shift.ok_or_else(|| ExperimentError::file(adapter, "a shift of the weights"))?);
    Ok(())
}

/// The likeness of each pair, by the sentence encoder.
fn cosines(
    lab: &Lab,
    out: &Path,
    embedder: &Path,
    pairs: &[Pair],
) -> Result<Vec<f64>, ExperimentError> {
    let line = |(id, a, b): &Pair| {
        let row = json!({"id": id, "reference": a, "hypothesis": b});
        row.to_string() + "\n"
    };
    let lines: String = pairs.iter().map(line).collect();
    let (input, found) = (out.join("pairs.jsonl"), out.join("cosine.jsonl"));
    std::fs::write(&input, lines).map_err(ExperimentError::io(&input))?;
    lab.call(
        &["metrics", "embedding"],
        &[("--model", embedder), ("--in", &input), ("--out", &found)],
    )?;
    let values = numbers(&read_lines(&found)?, "cosine");
    values.ok_or_else(|| ExperimentError::file(&found, "cosine in each row"))
}

/// Id and the two texts of a row that both have.
type Pair = (Value, String, String);

/// The pairs of all rows that both have.
fn pairs(seed: &[Value], own: &[Value]) -> Vec<Pair> {
    let text = |row: &Value| row["text"].as_str().unwrap_or_default().to_owned();
    let of_seed: BTreeMap<String, &Value> = seed
        .iter()
        .map(|row| (row["id"].to_string(), row))
        .collect();
    let pair = |row: &Value| {
        let other = of_seed.get(&row["id"].to_string())?;
        Some((row["id"].clone(), text(other), text(row)))
    };
    own.iter().filter_map(pair).collect()
}

/// A score of every row.
fn numbers(rows: &[Value], score: &str) -> Option<Vec<f64>> {
    rows.iter().map(|row| row[score].as_f64()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measured::is_done;
    use crate::plan::cells;
    use crate::program::tests::lab;

    #[test]
    fn a_cell_with_a_result_is_done_and_calls_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let lab = lab(folder.path(), "flex").unwrap();
        let cell = cells(&lab.scale)[0];
        assert!(!is_done(&lab, &cell));
        assert_eq!(result(&lab, Some(&cell)).unwrap(), None);
        let measured = Measured {
            values: BTreeMap::from([("safe".to_owned(), vec![0.0, 1.0])]),
            shift: Some(0.1),
            ..Measured::default()
        };
        for place in [super::folder(&lab, Some(&cell)), super::folder(&lab, None)] {
            std::fs::create_dir_all(&place).unwrap();
            measured.write(&place).unwrap();
        }
        assert!(is_done(&lab, &cell));
        assert_eq!(result(&lab, Some(&cell)).unwrap(), Some(measured));
        // The program is not there: a call would fail.
        measure_seed(&lab).unwrap();
    }

    #[test]
    fn answers_are_paired_by_id() {
        let seed = [
            json!({"id": 0, "text": "a"}),
            json!({"id": "x", "text": "b"}),
        ];
        let own = [
            json!({"id": "x", "text": "c"}),
            json!({"id": 7, "text": "d"}),
        ];
        assert_eq!(
            pairs(&seed, &own),
            [(json!("x"), "b".to_owned(), "c".to_owned())]
        );
    }

    #[test]
    fn a_row_without_the_score_is_told() {
        assert_eq!(numbers(&[json!({"safe": 1.0})], "safe"), Some(vec![1.0]));
        assert_eq!(numbers(&[json!({"safe": 1.0}), json!({})], "safe"), None);
    }
}
